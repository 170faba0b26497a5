/** What the log of the test server tells. */
import type { Entry } from "./server.ts"

/** How many sockets were open at once, at most. */
export const peak = (log: ReadonlyArray<Entry>) => {
  let now = 0
  let most = 0
  for (const { event } of log) {
    if (event === "open") most = Math.max(most, ++now)
    if (event === "close") now--
  }
  return most
}
