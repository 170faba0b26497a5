/** What this library costs a page, over the Effect functions that an app uses. With names as arguments, only those apps. */
import { isWithinBudget } from "../../../.ci/lib/size.ts"

const within = await isWithinBudget({
  folder: import.meta.dirname,
  foreign: ["effect/*"],
  over: "its Effect functions",
  never: /effect\/(src|dist)\/Schema\w*\./,
  only: process.argv.slice(2)
})

process.exitCode = within ? 0 : 1
