// Proves what SubscriptionsModel.test.ts and SubscriptionsSharded.test.ts prove, in
// thousands of histories.
import { histories as sharded } from "./support/shardedModel.ts"
import { histories } from "./support/subscriptionsModel.ts"

histories(4_000)
sharded(1_000)
