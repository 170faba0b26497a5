// Proves of random histories of a feed's book what FeedHistories.test.ts proves, in more of them.
import { histories } from "./support/feedHistories.ts"

histories(8)
