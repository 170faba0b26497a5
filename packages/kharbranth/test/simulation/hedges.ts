/**
 * The dials of an attempt: one, and where the platform can, one hedge beside it,
 * until the first of them opens. A pure rule over a history.
 */
import type { Fact, Terms } from "./history.ts"
import type { Report } from "./messages.ts"

export const check = (facts: ReadonlyArray<Fact>, { concurrentDials }: Terms, report: Report): void => {
  const dialing = new Set<number>()
  for (const fact of facts) {
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "SessionEnded") dialing.delete(event.epoch)
    if (event._tag === "DialStarted" && event.role !== "successor") {
      dialing.add(event.epoch)
      const most = event.role === "hedge" && concurrentDials ? 2 : 1
      if (dialing.size > most) report("one hedge at most", `dialing at once: ${[...dialing].join(", ")}`)
    }
    if (event._tag === "GatePassed" && event.gate === "Open" && dialing.delete(event.epoch) && dialing.size > 0)
      report("the first dial to open ends the other", `${[...dialing].join()} still dialing beside ${event.epoch}`)
  }
}
