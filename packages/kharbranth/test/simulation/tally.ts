/**
 * How often each kind of fault, restart, ending and outcome occurred in a run of
 * simulations. A kind that never occurred was never tested.
 */
import * as FaultSchedule from "kharbranth/testing/FaultSchedule"
import type { Fact } from "./history.ts"
import type { Simulation } from "./simulate.ts"

export type Tally = Map<string, number>

const required: ReadonlyArray<string> = [
  ...FaultSchedule.kinds.map((kind) => `fault ${kind}`),
  "restart breakFirst",
  "restart makeFirst",
  "restart pause",
  "restart handOver",
  "export of messages",
  "restart revive",
  "restart Rotated",
  "restart SuccessorFailed",
  "send sent",
  "send withdrawn",
  "send refused NotConnected",
  "send refused OutboxFull",
  "send refused SendExpired",
  "delivery Confirmed ack",
  "delivery Confirmed pong",
  "delivery Confirmed close",
  "delivery Expired",
  "delivery Dropped",
  "delivery Failed",
  "delivery Unknown",
  "write replayed",
  "entry Message",
  "entry Gap",
  "entry Lagged",
  "entry SessionOpened rotated",
  "stream failed InboxOverflow",
  "session ended by ConnectionClosed",
  "session ended by ConnectionDropped",
  "session ended by DialFailed",
  "session ended by DialTimeout",
  "session ended by HandshakeRejected",
  "session ended by TlsError",
  "session ended by PongReceiveTimeout",
  "session ended by OpenFailed",
  "end close",
  "end drain",
  "end scope",
  "end of a dead peer",
  "end in a flood",
  "rate per session",
  "rate per connection",
  "hooked onText",
  "dial of another endpoint",
  "dial of a hedge beside",
  "dial of a hedge instead",
  "hedge that opened first"
]

const nameOf = (fact: Fact): string | undefined => {
  switch (fact.e) {
    case "hooked":
      return `hooked ${fact.hook}`
    case "did":
      return `restart ${fact.what}`
    case "exported":
      return fact.items.length > 0 ? "export of messages" : "export of nothing"
    case "sent":
    case "withdrawn":
      return `send ${fact.e}`
    case "refused":
      return `send refused ${fact.error}`
    case "delivery":
      return `delivery ${fact.tag}${fact.by === "" ? "" : ` ${fact.by}`}`
    case "entry":
      return fact.tag === "SessionOpened" && fact.rotated ? "entry SessionOpened rotated" : `entry ${fact.tag}`
    case "streamEnded":
      return fact.error === undefined ? "stream ended" : `stream failed ${fact.error}`
    case "closed":
      return `end ${fact.how}`
    case "happened":
      if (fact.event._tag === "DialStarted" && fact.event.endpoint > 0) return "dial of another endpoint"
      if (fact.event._tag === "SessionEnded") return `session ended by ${fact.event.error._tag}`
      if (fact.event._tag === "Rotated" || fact.event._tag === "SuccessorFailed") return `restart ${fact.event._tag}`
      return `event ${fact.event._tag}`
    default:
      return undefined
  }
}

const count = (tally: Tally, name: string, times = 1): void => void tally.set(name, (tally.get(name) ?? 0) + times)

/** Adds what happened in one simulation. */
export const add = (tally: Tally, { history, network, plan }: Simulation): void => {
  count(tally, "simulations")
  if (plan.rate !== undefined) count(tally, `rate per ${plan.rate.scope}`)
  if (plan.floodAtEnd) count(tally, "end in a flood")
  if (plan.deadPeerAtEnd) count(tally, "end of a dead peer")
  for (const event of network) if (event._tag === "Injected") count(tally, `fault ${event.fault._tag}`)
  const written = new Set<number>()
  const hedges = new Set<number>()
  for (const fact of history.facts) {
    const name = nameOf(fact)
    if (name !== undefined) count(tally, name)
    if (fact.e === "call") count(tally, `call ${fact.way}`)
    if (fact.e === "happened" && fact.event._tag === "DialStarted" && fact.event.role === "hedge") {
      count(tally, `dial of a hedge ${history.terms.concurrentDials ? "beside" : "instead"}`)
      hedges.add(fact.event.epoch)
    }
    if (fact.e === "happened" && fact.event._tag === "GatePassed" && hedges.delete(fact.event.epoch))
      count(tally, "hedge that opened first")
    if (fact.e !== "wrote" || fact.n === undefined) continue
    if (written.has(fact.n)) count(tally, "write replayed")
    written.add(fact.n)
  }
}

/** The kinds that should occur and never did. */
export const absent = (tally: Tally): ReadonlyArray<string> => required.filter((name) => !tally.has(name))

export const print = (tally: Tally): string =>
  [...tally]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, times]) => `${name.padEnd(44)}${String(times).padStart(10)}`)
    .join("\n")
