// Proves of random runs of an inbox what inboxModel.test.ts proves, in more of them.
import { randomRuns } from "./inboxRun.ts"

randomRuns(3_000)
