/**
 * What several sessions have in common. Each pattern asks for enough sessions that
 * chance does not make it, and says what would help.
 */
import type { Pattern } from "../../Why.ts"
import type { Facts, Loss } from "./facts.ts"
import { count, span } from "./words.ts"

/** How many of the last sessions are looked at, and how many of them must agree. */
const looked = 5
const agreeing = 4

/** Sessions that lasted: at most so far from their median counts as the same age. */
const near = (age: number): number => Math.max(500, age / 200)

/** The age that most have, if enough of them do. */
const commonAge = (ages: ReadonlyArray<number>): number | undefined => {
  const sorted = ages.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)]
  if (median === undefined || median < 5000) return undefined
  return sorted.filter((age) => Math.abs(age - median) <= near(median)).length >= agreeing ? median : undefined
}

/** An end that the other side, or something in between, decided on. */
const isForeign = ({ entry, error, ready }: Loss): boolean =>
  ready && entry.event.by !== "us" && error.tag !== "PongReceiveTimeout" && error.tag !== "IdleTimeout"

const ages = ({ losses }: Facts): ReadonlyArray<Pattern> => {
  const last = losses.filter(isForeign).slice(-looked)
  const quiet = commonAge(last.map(({ entry }) => entry.event.quietFor))
  if (quiet !== undefined) {
    const every = span(quiet * 0.75)
    const text = `${agreeing} of the last ${last.length} sessions ended ${span(quiet)} after the last byte: something on the way closes idle sockets; probe at least every ${every}`
    return [{ kind: "steady age", text }]
  }
  const lived = commonAge(last.map(({ entry }) => entry.event.lived))
  if (lived === undefined) return []
  const text = `${agreeing} of the last ${last.length} sessions lived ${span(lived)}: the server limits their age; set \`rotate.maxAge\` below it`
  return [{ kind: "steady lifetime", text }]
}

const rejectedAtOnce = ({ losses }: Facts): ReadonlyArray<Pattern> => {
  const last = losses.slice(-3)
  const isShort = ({ entry, opened }: Loss) => opened && entry.event.by !== "us" && entry.event.lived < 2000
  if (last.length < 3 || !last.every(isShort)) return []
  return [
    {
      kind: "accept then close",
      text: "the last 3 sessions were accepted and ended at once: the server does not want this login, this address or this subscription"
    }
  ]
}

/** Whether most connections to its host are down with it. */
export const isEveryone = ({ recording }: Facts): boolean => {
  const { connected, connections } = recording.others.sameHost
  return recording.state._tag !== "Connected" && connections >= 3 && connected <= connections / 4
}

const everyone = (facts: Facts): ReadonlyArray<Pattern> => {
  if (!isEveryone(facts)) return []
  const { others } = facts.recording
  const { connected, connections } = others.sameHost
  const elsewhere = others.all.connected - connected
  const text = `only ${connected} of ${count(connections, "other connection")} to this host are up${
    elsewhere > 0 ? `, and ${elsewhere} to other hosts: it is the host, not this connection` : ""
  }`
  return [{ kind: "everyone at once", text }]
}

const clocks = ({ suspicions }: Facts): ReadonlyArray<Pattern> =>
  suspicions.length === 0
    ? []
    : [{ kind: "clock jump", text: `this machine slept, stalled or set its clock: ${suspicions.at(-1)!.event.reason}` }]

export const patternsOf = (facts: Facts): ReadonlyArray<Pattern> =>
  [rejectedAtOnce, ages, everyone, clocks].flatMap((find) => find(facts))
