// Proves of random histories what ConnectionPool.test.ts and PoolRedundant.test.ts
// prove, in thousands and hundreds of them.
import { histories } from "./poolModel.ts"
import { redundant } from "./redundantModel.ts"

histories(2_000)
redundant(400)
