// Proves redundancy in virtual time: two servers say the same numbers over a
// network with latency and jitter, one line after the other dies and comes back,
// and the reader gets every number exactly once; the scores say who brought how
// many first, and the lag how far behind the other was. The seed is in the
// message of every failure.
import { redundant } from "./redundantModel.ts"

redundant(20)
