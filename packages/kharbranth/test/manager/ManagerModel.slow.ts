// Proves what ManagerModel.test.ts proves, in thousands of runs.
import { races, sequential } from "./managerModel.ts"

sequential(3_000)
races(3_000)
