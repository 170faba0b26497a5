// Proves that our reader makes of any bytes what the receiver of `ws` makes of
// them: the same messages, pings, close codes and violations, in the same order,
// whatever pieces the bytes come in. Thousands of random streams.
import { differential } from "./differential.ts"

differential(700)
