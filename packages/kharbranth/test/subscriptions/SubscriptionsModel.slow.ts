// Proves what SubscriptionsModel.test.ts, SubscriptionsSharded.test.ts and
// Quarantine.test.ts prove, in thousands of histories.
import { histories as quarantine } from "./quarantineModel.ts"
import { histories as sharded } from "./shardedModel.ts"
import { histories } from "./subscriptionsModel.ts"

histories(2_000)
sharded(500)
quarantine(500)
