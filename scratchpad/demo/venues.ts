/**
 * The process of the simulated venues: five on loopback for each of the two
 * clients. It says which of the books that a client believed were right, and
 * ends when its parent does.
 */
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as SimulatorServer from "@kharbranth/feeds/simulator/SimulatorServer"
import type { Believed } from "../../packages/feeds/test/support/naive.ts"
import * as Truth from "../../packages/feeds/test/support/truth.ts"
import * as Faults from "./faults.ts"
import {
  type Audited,
  type Client,
  clients,
  followParent,
  type FromVenues,
  type Report,
  symbolsEach,
  type ToVenues,
  type VenueId,
  venueIds
} from "./wire.ts"

/** How long after their start the venues begin to misbehave: the clients have subscribed by then. */
const calm = Number(process.argv[3])
const seed = Number(process.argv[2])

const say = (message: FromVenues): void => {
  if (process.connected) process.send?.(message)
}

const scope = Scope.makeUnsafe()
const served = new Map<string, SimulatorServer.ServedVenue>()

const venueOf = (client: Client, venue: VenueId): SimulatorServer.ServedVenue => {
  const found = served.get(`${client} ${venue}`)
  if (found === undefined) throw new Error(`no venue ${venue} for ${client}`)
  return found
}

const audit = (client: Client, venue: VenueId, books: ReadonlyArray<Believed>): Audited => {
  const { simulator } = venueOf(client, venue)
  const result = { right: 0, wrong: 0, unknown: 0, example: undefined as string | undefined }
  for (const believed of books) {
    const truth = Truth.truthOf(simulator, believed)
    if (truth === undefined) result.unknown++
    else if (Truth.same(truth, believed)) result.right++
    else {
      result.wrong++
      result.example ??= `${venue} ${believed.symbol}: ${Truth.text(believed)}, but it was ${Truth.text(truth)}`
    }
  }
  return result
}

const report = (client: Client): Report => {
  const ledgers = venueIds.map((venue) => venueOf(client, venue).simulator.ledger)
  const rules: Record<string, number> = {}
  for (const ledger of ledgers)
    for (const { rule } of ledger.violations)
      rules[`${ledger.venue}: ${rule}`] = (rules[`${ledger.venue}: ${rule}`] ?? 0) + 1
  const sum = (of: (ledger: (typeof ledgers)[number]) => number) =>
    ledgers.reduce((total, ledger) => total + of(ledger), 0)
  return {
    violations: sum(({ violations }) => violations.length),
    bans: sum(({ counts }) => counts.bans),
    refused: sum(({ counts }) => counts.refused),
    dials: sum(({ counts }) => counts.dials),
    sent: sum(({ counts }) => counts.sent),
    injected: sum(({ injected }) => injected.length),
    rules
  }
}

const start = Effect.gen(function* () {
  for (const client of clients)
    for (const venue of venueIds)
      served.set(
        `${client} ${venue}`,
        yield* SimulatorServer.serve(venue, {
          seed,
          market: { assets: symbolsEach, updates: 2, trades: 0.5, levels: 60 },
          faults: Faults.script(seed, venue, calm)
        })
      )
})

followParent(scope)
process.on("message", (message: ToVenues) => {
  if (message._tag === "audit")
    say({ _tag: "audited", id: message.id, result: audit(message.client, message.venue, message.books) })
  else say({ _tag: "report", reports: { kharbranth: report("kharbranth"), naive: report("naive") } })
})

await Effect.runPromise(Scope.provide(start, scope))
const addresses = (client: Client) =>
  Object.fromEntries(
    venueIds.map((venue) => [
      venue,
      { port: venueOf(client, venue).port, hosts: venueOf(client, venue).simulator.hosts }
    ])
  ) as Record<VenueId, { readonly port: number; readonly hosts: ReadonlyArray<string> }>
say({
  _tag: "ready",
  addresses: { kharbranth: addresses("kharbranth"), naive: addresses("naive") },
  symbols: Object.fromEntries(
    venueIds.map((venue) => [venue, venueOf("kharbranth", venue).simulator.symbols])
  ) as Record<VenueId, ReadonlyArray<string>>
})

// The faults that strike the first client's venues, as they do.
const told = new Map<VenueId, number>()
setInterval(() => {
  for (const venue of venueIds) {
    const { injected } = venueOf("kharbranth", venue).simulator.ledger
    const fresh = injected.slice(told.get(venue) ?? 0)
    told.set(venue, injected.length)
    const counts = new Map<string, number>()
    for (const { fault } of fresh) counts.set(fault._tag, (counts.get(fault._tag) ?? 0) + 1)
    for (const [name, count] of counts) say({ _tag: "fault", venue, name, count })
  }
}, 250).unref()
