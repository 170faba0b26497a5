/**
 * What is promised to those who ask for it: a rate that is kept, hooks that see
 * everything, and endpoints that are all tried. Pure rules over a history.
 */
import type { Fact, Terms } from "./history.ts"
import { isForReader } from "./history.ts"
import type { Report } from "./messages.ts"

// Strictly rolling: the write that is a whole limit earlier has left the window.
const checkRate = (facts: ReadonlyArray<Fact>, { rate }: Terms, report: Report): void => {
  if (rate === undefined) return
  const times = new Map<number, Array<number>>()
  for (const fact of facts) {
    if (fact.e !== "wrote") continue
    const count = rate.scope === "session" ? fact.epoch : 0
    const before = times.get(count) ?? []
    times.set(count, before)
    const earlier = before.at(-rate.limit)
    if (earlier !== undefined && fact.mono - earlier < rate.window - 0.1) {
      report("the rate is kept", `${rate.limit + 1} writes within ${fact.mono - earlier} ms, session ${fact.epoch}`)
    }
    before.push(fact.mono)
  }
}

interface Seen {
  opened: number
  closed: number
  readonly texts: Array<string>
}

const checkHooks = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  if (!terms.hooks) return
  const sessions = new Map<number, Seen>()
  const came = new Map<number, Array<string>>()
  const at = (epoch: number): Seen => {
    const seen = sessions.get(epoch) ?? { opened: 0, closed: 0, texts: [] }
    sessions.set(epoch, seen)
    return seen
  }
  for (const fact of facts) {
    if (fact.e === "came") came.set(fact.epoch, [...(came.get(fact.epoch) ?? []), fact.text])
    if (fact.e !== "hooked") continue
    const seen = at(fact.epoch)
    if (fact.hook === "onText") seen.texts.push(fact.text)
    else if (fact.hook === "onOpen") seen.opened++
    else seen.closed++
  }
  for (const [epoch, { texts }] of sessions) {
    // A pulse belongs to the heartbeat, unless it comes too late.
    const all = (came.get(epoch) ?? []).filter((text) => isForReader(text) || !text.startsWith("pong:"))
    const hooked = texts.filter((text) => !text.startsWith("pong:"))
    if (hooked.some((text, index) => text !== all[index])) report("hooks see each frame in order", `session ${epoch}`)
  }
  for (const fact of facts) {
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "GatePassed" && event.gate === "Open" && at(event.epoch).opened !== 1)
      report("hooks see each session", `session ${event.epoch} opened ${at(event.epoch).opened} times`)
    if (event._tag === "SessionEnded" && at(event.epoch).closed !== 1)
      report("hooks see each session", `session ${event.epoch} closed ${at(event.epoch).closed} times`)
  }
}

// What the reader or a codec brings about says nothing about an endpoint.
const isOfEndpoint = (tag: string): boolean => tag !== "InboxOverflow" && tag !== "DecodeError"

const checkEndpoints = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  // The first dial begins before anybody hears of it.
  let tried = new Set([0])
  for (const fact of facts) {
    if (fact.e !== "happened") continue
    const { event } = fact
    if (event._tag === "RestartRequested" && event.by === "user") tried = new Set()
    if (event._tag === "DialStarted") tried.add(event.endpoint)
    if (event._tag === "GaveUp" && isOfEndpoint(event.error._tag) && tried.size < terms.endpoints)
      report("every endpoint is tried", `gave up with ${event.error._tag} after ${tried.size} of ${terms.endpoints}`)
  }
}

export const check = (facts: ReadonlyArray<Fact>, terms: Terms, report: Report): void => {
  checkRate(facts, terms, report)
  checkHooks(facts, terms, report)
  checkEndpoints(facts, terms, report)
}
