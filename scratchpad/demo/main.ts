/**
 * The demo: two hundred symbols of five venues, half a minute of faults, and a
 * verdict beside a naive client that met the same ones. The venues are simulated,
 * on loopback, in a process of their own.
 *
 * `npx -y pnpm@12 demo` runs it. It serves a dashboard of our client and prints the
 * address; `--metrics` also serves a page for Prometheus, on any free port or on that
 * of `--metrics=9464`. With `--stay` both stay until you stop them. `--seed n` draws
 * other faults; `--sabotage` makes our client leave out the best bid of each book, so
 * that the verdict must fail; `--live` is the same program against the real venues, for as
 * long as `--seconds` says. `--record file` writes what the terminal would show, for the
 * picture in the README, and serves nothing.
 */
import type { ChildProcess } from "node:child_process"
import { parseArgs } from "node:util"
import * as Devtools from "@kharbranth/devtools/Devtools"
import * as Rest from "@kharbranth/feeds/Rest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Transport from "kharbranth/Transport"
import { runDemo, signal } from "../terminal.ts"
import { adapters, liveAssets, spelled } from "./adapters.ts"
import * as Client from "./client.ts"
import * as Dashboard from "./dashboard.ts"
import { lasts } from "./faults.ts"
import * as Metrics from "./metrics.ts"
import { unsettledAtRest } from "./rest.ts"
import * as Table from "./table.ts"
import { now } from "./time.ts"
import * as Verdict from "./verdict.ts"
import {
  type Addresses,
  type Audited,
  child,
  type FromNaive,
  type FromVenues,
  next,
  rewrite,
  type ToNaive,
  type ToVenues,
  type VenueId,
  venueIds
} from "./wire.ts"

const { values } = parseArgs({
  // An option that takes a value cannot come without one.
  args: process.argv.slice(2).map((arg) => (arg === "--metrics" ? "--metrics=0" : arg)),
  options: {
    record: { type: "string" },
    seed: { type: "string", default: "7" },
    sabotage: { type: "boolean", default: false },
    metrics: { type: "string" },
    live: { type: "boolean", default: false },
    stay: { type: "boolean", default: false },
    seconds: { type: "string", default: "60" }
  }
})

/** How long everything may take to connect before the faults begin. */
const calm = 12_000
/** How long it may take to come to rest afterwards. A bound for what never does, not for a machine that is slow. */
const rest = 180_000

const each = <A>(of: (id: VenueId) => A): Readonly<Record<VenueId, A>> =>
  Object.fromEntries(venueIds.map((id) => [id, of(id)])) as Record<VenueId, A>

/** The venues' own addresses, dialed where they are simulated. */
const simulated = (addresses: Addresses) =>
  Layer.merge(
    Layer.effect(
      Transport.Transport,
      Effect.map(Transport.Transport, (real) => ({
        ...real,
        dial: (dial: Transport.Dial, receiver: Transport.Receiver) =>
          real.dial({ ...dial, url: rewrite(addresses, dial.url) }, receiver)
      }))
    ).pipe(Layer.provide(NodeTransport.layer), Devtools.faulty),
    Layer.effect(
      Rest.Fetch,
      Effect.map(
        Rest.Fetch,
        (real) => (request: Rest.Request) => real({ ...request, url: rewrite(addresses, request.url) })
      )
    )
  )

/** The dashboard of our client, which may also break its sockets; none while the terminal is recorded. */
const watched = Layer.provideMerge(
  values.record === undefined ? Devtools.layer({ title: "the demo", commands: true, faults: true }) : Layer.empty,
  values.metrics === undefined ? Layer.empty : Metrics.layer(Number(values.metrics))
)

const served: Effect.Effect<ReadonlyArray<Table.Served>> = Effect.gen(function* () {
  const dashboard = Option.getOrUndefined(yield* Effect.serviceOption(Devtools.Devtools))?.url
  const pages = [
    { name: "dashboard", url: dashboard },
    { name: "metrics", url: yield* Metrics.address }
  ] as const
  return pages.flatMap(({ name, url }) => (url === undefined ? [] : [{ name, url }]))
})

/** Keeps the pages, and all that they show, if that was asked for. */
const stay = (pages: ReadonlyArray<Table.Served>): Effect.Effect<void> => {
  if (!values.stay || pages.length === 0) return Effect.void
  table.close()
  const where = pages.map(({ name, url }) => `  The ${name} stays at ${url}\n`).join("")
  process.stdout.write(`\n  The faults are over.\n${where}  until you press Ctrl-C; the verdict follows.\n`)
  return signal
}

/** Asks the venues which of these books are right. */
const auditor = (venues: ChildProcess) => {
  const total = { kharbranth: empty(), naive: empty() }
  const open = new Map<number, keyof typeof total>()
  let id = 0
  venues.on("message", (message: FromVenues) => {
    const client = message._tag === "audited" ? open.get(message.id) : undefined
    if (message._tag !== "audited" || client === undefined) return
    open.delete(message.id)
    const { result } = message
    total[client] = {
      right: total[client].right + result.right,
      wrong: total[client].wrong + result.wrong,
      unknown: total[client].unknown + result.unknown,
      example: total[client].example ?? result.example
    }
  })
  const ask = (message: Omit<Extract<ToVenues, { readonly _tag: "audit" }>, "_tag" | "id">): void => {
    open.set(++id, message.client)
    venues.send({ _tag: "audit", id, ...message } satisfies ToVenues)
  }
  return { total, ask, unanswered: Effect.sync(() => open.size) }
}

const empty = (): Audited => ({ right: 0, wrong: 0, unknown: 0, example: undefined })

/** How many books are not right. */
const notRight = (client: Client.Client) =>
  Effect.map(Effect.forEach(venueIds, client.synced), (all) => all.reduce((left, n) => left - n, client.total))

const demo = (table: Table.Table) =>
  Effect.gen(function* () {
    const pages = yield* served
    const venues = yield* child("venues.ts", [values.seed, String(calm)])
    const { addresses, symbols } = yield* next<FromVenues, "ready">(venues, "ready")
    const start = now()
    const naive = yield* child("naive.ts", [])
    const tellNaive = (message: ToNaive) => naive.send(message)
    tellNaive({ _tag: "start", addresses: addresses.naive, symbols })
    const audit = auditor(venues)
    naive.on("message", (message: FromNaive) => {
      if (message._tag === "books") audit.ask({ client: "naive", venue: message.venue, books: message.books })
    })
    return yield* Effect.gen(function* () {
      const client = yield* Client.make(
        each((id) => adapters[id]()),
        symbols,
        values.sabotage
      )
      yield* Metrics.watch(client.feed)
      const dashboard = yield* Dashboard.make(table, client, { start, duration: calm + lasts, served: pages })
      venues.on("message", (message: FromVenues) => {
        if (message._tag === "fault")
          dashboard.say(`${message.venue}: ${message.name}${message.count === 1 ? "" : ` × ${message.count}`}`)
      })
      yield* unsettledAtRest(notRight(client), calm)
      dashboard.say(`${client.total} books are right; the faults begin`)
      const look = Effect.forEach(venueIds, (venue) =>
        Effect.map(client.believed(venue), (books) => audit.ask({ client: "kharbranth", venue, books }))
      )
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("500 millis"), look)))
      yield* Effect.sleep(Math.max(0, start + calm + lasts - now()))
      dashboard.say("the faults are over: everything comes to rest")
      const open = yield* unsettledAtRest(notRight(client), rest)
      yield* look
      const unanswered = yield* unsettledAtRest(audit.unanswered, rest)
      tellNaive({ _tag: "finish" })
      const other = yield* next<FromNaive, "report">(naive, "report")
      venues.send({ _tag: "finish" } satisfies ToVenues)
      const { reports } = yield* next<FromVenues, "report">(venues, "report")
      const verdict: Verdict.Verdict = {
        kharbranth: {
          undetected: client.undetected(),
          audited: audit.total.kharbranth,
          report: reports.kharbranth,
          messages: yield* dashboard.messages,
          recoveries: client.recoveries.millis
        },
        naive: {
          undetected: other.undetected,
          audited: audit.total.naive,
          report: reports.naive,
          messages: other.messages,
          recoveries: undefined
        },
        open,
        unanswered
      }
      yield* stay(pages)
      return verdict
    }).pipe(Effect.provide(simulated(addresses.kharbranth)))
  }).pipe(Effect.scoped)

/** The same client at the real venues, as long as it may. */
const live = (table: Table.Table) =>
  Effect.gen(function* () {
    const duration = Number(values.seconds) * 1000
    const client = yield* Client.make(
      each((id) => adapters[id]()),
      each((id) => liveAssets.map(spelled[id]))
    )
    yield* Metrics.watch(client.feed)
    const pages = yield* served
    yield* Dashboard.make(table, client, { start: now(), duration, served: pages })
    yield* Effect.sleep(duration)
    yield* stay(pages)
  }).pipe(Effect.provide(Devtools.faulty(NodeTransport.layer)), Effect.scoped)

const table = values.record === undefined ? Table.make(process.stdout) : Table.recording(values.record)
// The table says all there is to say.
const quiet = Effect.provide(Logger.layer([]))
const close = () => table.close()

const shown = <A, E, R>(program: Effect.Effect<A, E, R>) => quiet(Effect.provide(program, watched))

if (values.live) await runDemo(shown(live(table)), close, () => true)
else
  await runDemo(shown(demo(table)), close, (verdict, left) => {
    const lastWord = Verdict.text(verdict, left)
    table.end?.(lastWord)
    process.stdout.write(lastWord)
    return Verdict.passed(verdict)
  })
