/**
 * What this package costs a page over the core. An app over JSON and WebSockets
 * holds no other codec or transport, and no Schema.
 */
import { isWithinBudget } from "../../../.ci/lib/size.ts"

const within = await isWithinBudget({
  folder: import.meta.dirname,
  foreign: ["effect/*", "kharbranth/*"],
  over: "the core and its Effect functions",
  never: /@msgpack|MessagePack|LongPolling|ServerSentEvents|effect\/(src|dist)\/Schema\./
})

process.exitCode = within ? 0 : 1
