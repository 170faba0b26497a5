// Proves what SubscriptionsModel.test.ts proves, in thousands of histories.
import { histories } from "./support/subscriptionsModel.ts"

histories(4_000)
