/**
 * Puts a feed together: one manager for all connections, the lines of each venue,
 * and the topics that are read over them.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConnectionError } from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type * as DialBudget from "kharbranth/DialBudget"
import type { Transport } from "kharbranth/Transport"
import type { Feed, FeedReport, Options } from "../../Feed.ts"
import * as Rest from "../../Rest.ts"
import type * as Venue from "../../Venue.ts"
import * as Line from "../line/line.ts"
import { check } from "./options.ts"
import { Reports } from "./reports.ts"
import { Topics, type VenueLines } from "./topics.ts"

const originOf = ({ target }: Venue.Line): string | undefined => {
  if (typeof target !== "string" && !(target instanceof URL)) return undefined
  if (!URL.canParse(target)) return undefined
  const { host, protocol } = new URL(target)
  return `${protocol.replace("http", "ws")}//${host}`
}

/** What the venues' tables allow of dials, by what those are counted under. */
const dialing = (venues: ReadonlyArray<Venue.Venue>): Readonly<Record<string, DialBudget.Policy>> =>
  Object.fromEntries(
    venues.flatMap(({ id, lines }) =>
      Object.values(lines).map((line) => [originOf(line) ?? id, { limits: line.limits.dial }] as const)
    )
  )

/** The strictest of the lines' numbers. */
const restOf = ({ id, lines }: Venue.Venue): Effect.Effect<Rest.Rest> => {
  const [first, ...others] = Object.values(lines).map(({ limits }) => limits.rest)
  const perMillis = ({ limit, window }: Venue.Limits["rest"]) => limit / Duration.toMillis(window)
  const strictest = others.reduce((least, one) => (perMillis(one) < perMillis(least) ? one : least), first!)
  return Rest.make({ venue: id, limit: strictest.limit, window: strictest.window })
}

const legName = (leg: number): string => (leg === 0 ? "" : `+${leg}`)

const openVenue = (
  venue: Venue.Venue,
  options: Options,
  manager: ConnectionManager.Manager,
  report: (report: FeedReport) => void
): Effect.Effect<VenueLines, ConnectionError, Scope.Scope> =>
  Effect.gen(function* () {
    const rest = yield* restOf(venue)
    const lines = new Map<string, ReadonlyArray<Line.Line>>()
    for (const [key, line] of Object.entries(venue.lines)) {
      const legs: Array<Line.Line> = []
      for (let leg = 0; leg < (options.lines ?? 1); leg++) {
        const name = `${venue.id}/${key}${legName(leg)}`
        const reported = (one: Parameters<Line.LineOptions["report"]>[0]) => report({ ...one, line: name })
        const maxConnections = options.maxConnections ?? 64
        const { quiet } = options
        const shared = { venue, line, manager, rest, maxConnections, quiet }
        legs.push(yield* Line.make({ ...shared, name, leg, report: reported }))
      }
      lines.set(key, legs)
    }
    return { venue, rest, lines }
  })

export const make = (options: Options): Effect.Effect<Feed, ConnectionError, Scope.Scope | Transport> =>
  Effect.gen(function* () {
    const invalid = check(options)
    if (invalid !== undefined) return yield* invalid
    const venues = options.venues ?? (options.venue === undefined ? [] : [options.venue])
    const clock = yield* Clock.clockWith(Effect.succeed)
    const reports = new Reports()
    yield* Effect.addFinalizer(() => Effect.sync(() => reports.end()))
    const connections = yield* ConnectionManager.make({ budget: { keys: dialing(venues) } })
    const open = yield* Effect.forEach(venues, (venue) =>
      openVenue(venue, options, connections, (report) => reports.publish(report))
    )
    const topics = yield* Topics.make({ options, clock, reports, venues: open })
    const { book, consolidated, entries, hold, lines, merged, raw, reconnect, resync, stream } = topics
    const parts = { book, consolidated, entries, hold, lines, merged, raw, reconnect, resync, stream }
    return { connections, ...parts, topics: topics.topics, reports: reports.stream }
  })
