// Proves what SubscriptionsModel.test.ts and SubscriptionsSharded.test.ts prove, in
// thousands of histories.
import { histories as sharded } from "./shardedModel.ts"
import { histories } from "./subscriptionsModel.ts"

histories(4_000)
sharded(1_000)
