// Proves of a viewer's window what window.test.ts proves, in more random histories.
import { histories } from "./windowModel.ts"

histories(400)
