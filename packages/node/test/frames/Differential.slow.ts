// Proves of random streams what Differential.test.ts proves, for a hundred
// thousand of them.
import { differential } from "./differential.ts"

differential(100_000)
