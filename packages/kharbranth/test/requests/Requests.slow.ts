// Proves of random histories what Requests.test.ts proves, in thousands of them.
import { histories } from "./requestsModel.ts"

histories(5_000)
