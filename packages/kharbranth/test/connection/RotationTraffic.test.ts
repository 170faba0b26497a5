// Proves rotations in virtual time, over networks with latency and jitter, while
// the feed publishes and the client sends all the time: nothing that the feed
// said is lost, nothing that the client sent is, both in order; what the overlap
// brings twice is announced, and with `dedupe` never seen; at a server that ends
// the older login nothing is lost without a `Gap`, and what it never got is sent
// again. `SEED=n` replays from one seed.
import { rotating } from "./rotationModel.ts"

rotating(100)
