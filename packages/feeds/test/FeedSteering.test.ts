/**
 * Proves what a feed does when something is wrong: the ladder of remedies and its
 * patience, a hole in a whole connection's count, maintenance, a refused topic, a
 * predicate of the user's, trades that a gap swallowed, and an address that is
 * asked for before every dial.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { FeedReport } from "../src/Feed.ts"
import * as Feed from "../src/Feed.ts"
import * as Rest from "../src/Rest.ts"
import * as Topic from "../src/Topic.ts"
import * as Bitfinex from "../src/venues/Bitfinex.ts"
import * as Kucoin from "../src/venues/Kucoin.ts"
import { said } from "./support/replay.ts"
import { collect, pass, rig, settle } from "./support/rig.ts"
import { dialects } from "./support/venues.ts"

const symbol = "BTCUSDT"

const steps = (reports: ReadonlyArray<FeedReport>) =>
  reports.flatMap((report) => (report._tag === "Resync" ? [`${report.step} ${report.reason}`] : []))

const tags = (items: ReadonlyArray<{ readonly _tag: string }>) => items.map(({ _tag }) => _tag)

describe("a feed's remedies", () => {
  it.effect("a lost update is mended by the venue's own remedy, at once", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const book = yield* feed.book(Topic.book(symbol))
      const reports = yield* collect(feed.reports)
      const entries = yield* collect(feed.entries(Topic.book(symbol)))
      yield* pass("1 second")
      venue.fault = "drop"
      venue.change()
      venue.change()
      yield* pass(300)
      assert.deepStrictEqual(steps(reports), ["resubscribe sequence"])
      assert.deepStrictEqual(
        venue.asked.map(({ op }) => op),
        ["subscribe", "unsubscribe", "subscribe"]
      )
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
      assert.deepStrictEqual(tags(entries), ["BookUpdate", "Stale", "Gap", "Resynced", "BookUpdate"])
    })
  )

  it.effect("the ladder climbs while nothing helps, ever more patiently, up to a new socket", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.binanceSpot()])
      const reports = yield* collect(feed.reports)
      const book = yield* feed.book(Topic.book(symbol))
      venue.restAnswer = () => ({ status: 500, retryAfter: undefined, body: "" })
      const at: Array<number> = []
      for (let second = 0; second < 300; second++) {
        const before = venue.requests.length
        yield* pass("1 second", 250)
        if (venue.requests.length > before) at.push(second)
      }
      const [one, two, three, again] = steps(reports)
      assert.deepStrictEqual([one, two, three, again], ["rest first", "rest first", "rest first", "resubscribe first"])
      assert.include(steps(reports), "reconnect first")
      assert.isTrue(reports.some(({ _tag }) => _tag === "ReconnectAsked"))
      assert.isTrue(reports.some((report) => report._tag === "RestFailed" && report.issue.includes("HTTP 500")))
      assert.isBelow(at.length, 16, "it asks without end")
      assert.notStrictEqual(book.status.getUnsafe()._tag, "Synced")
      venue.restAnswer = undefined
      yield* pass("70 seconds", 250)
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
    }).pipe(Random.withSeed(1))
  )

  it.effect("a hole in a connection's count makes every topic of it stale, and one new socket mends them", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.coinbase()])
      const book = yield* feed.book(Topic.book(symbol))
      const quiet = yield* feed.book(Topic.book("QUIET"))
      const statuses = yield* collect(book.status.changes)
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      const reports = yield* collect(feed.reports)
      yield* pass("3 seconds")
      venue.trade()
      yield* settle
      venue.skip = true
      venue.trade()
      yield* settle
      assert.deepStrictEqual(tags(trades).slice(0, 3), ["Trade", "Gap", "Trade"])
      assert.deepInclude(trades[1], { reason: "connection" })
      assert.deepStrictEqual(
        statuses.map((status) => (status._tag === "Stale" ? status.reason : status._tag)).slice(0, 3),
        ["Syncing", "Synced", "connection"]
      )
      assert.deepInclude(quiet.status.getUnsafe(), { _tag: "Syncing" })
      yield* pass("8 seconds")
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
      assert.lengthOf(
        reports.filter(({ _tag }) => _tag === "ReconnectAsked"),
        1
      )
    })
  )

  it.effect("a book that never comes does not cost its neighbours their socket for ever", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const book = yield* feed.book(Topic.book(symbol))
      const reports = yield* collect(feed.reports)
      yield* feed.book(Topic.book("NEVER"))
      for (let minute = 0; minute < 30; minute++) {
        venue.change()
        yield* pass("1 minute", 1000)
      }
      assert.lengthOf(
        reports.filter(({ _tag }) => _tag === "ReconnectAsked"),
        3
      )
      assert.isBelow(steps(reports).length, 60)
      assert.strictEqual(said(yield* book.book, 50), venue.market.said)
    })
  )

  it.effect("a predicate of yours replaces the connection of a topic that has gone bad", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()], {
        suspect: (event) => (event._tag === "Trade" && event.size > 100 ? "no trade is that large" : undefined)
      })
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      const reports = yield* collect(feed.reports)
      yield* pass("1 second")
      const absurd = { id: 7, price: "1", size: "1000", at: 0 }
      venue.publish("trades", venue.dialect.trade(symbol, absurd))
      yield* pass("5 seconds")
      venue.trade()
      yield* settle
      assert.deepInclude(reports[0], { _tag: "ReconnectAsked", reason: "no trade is that large" })
      assert.deepStrictEqual(tags(trades), ["Trade", "Stale", "Gap", "Resynced", "Trade"])
    })
  )

  it.effect("trades that a gap swallowed are fetched and marked, each once", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.binanceSpot()], { backfill: true })
      const trades = yield* collect(feed.entries(Topic.trades(symbol)))
      yield* pass("3 seconds")
      venue.trade()
      yield* settle
      yield* venue.cut
      for (let n = 0; n < 3; n++) venue.trade()
      yield* pass("20 seconds")
      venue.trade()
      yield* settle
      const found = trades.map((one) => (one._tag === "Trade" ? `${one.id}${one.backfilled ? "+" : ""}` : one._tag))
      assert.deepStrictEqual(found, ["1", "Stale", "Gap", "2+", "3+", "4+", "Resynced", "5"])
    })
  )

  it.effect("a topic that the venue refuses says so, in its words", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      venue.refusal = (id) => JSON.stringify({ success: false, ret_msg: "Invalid topic", req_id: id, op: "subscribe" })
      const trades = yield* collect(feed.entries(Topic.trades("NOSUCH")))
      const book = yield* feed.book(Topic.book("NOSUCH"))
      yield* pass("2 seconds")
      assert.deepStrictEqual(tags(trades), ["Stale"])
      assert.deepInclude(trades[0], { reason: "rejected", detail: "Invalid topic" })
      assert.notStrictEqual(book.status.getUnsafe()._tag, "Synced")
    })
  )

  it.effect("you may start a topic over, or replace the connections of a venue", () =>
    Effect.gen(function* () {
      const { feed, venue } = yield* rig([dialects.bybit()])
      const topic = Topic.book(symbol)
      const entries = yield* collect(feed.entries(topic))
      yield* pass("1 second")
      yield* feed.resync(topic)
      yield* pass(200)
      assert.deepStrictEqual(tags(entries), ["BookUpdate", "Stale", "Gap", "Resynced", "BookUpdate"])
      assert.deepInclude(entries[1], { reason: "asked" })
      const sockets = new Set(venue.asked.map(({ peer }) => peer))
      yield* Effect.forkScoped(feed.reconnect("bybit"))
      yield* pass("5 seconds")
      assert.isAbove(new Set(venue.asked.map(({ peer }) => peer)).size, sockets.size)
      assert.strictEqual(entries.at(-1)?._tag, "BookUpdate")
    })
  )
})

describe("venues with manners of their own", () => {
  it.effect("KuCoin's address is asked for before every dial", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const welcome = (peer: TestNetwork.Peer) =>
        Effect.andThen(peer.listen({ frame: () => {} }), peer.send('{"id":"1","type":"welcome"}'))
      const server = yield* network.serve("wss://kucoin.example/", welcome)
      let asked = 0
      const fetch: Rest.Fetch = ({ method, url }) =>
        Effect.sync(() => {
          assert.deepStrictEqual([method, url], ["POST", "https://api.kucoin.com/api/v1/bullet-public"])
          const data = { token: `t${++asked}`, instanceServers: [{ endpoint: "wss://kucoin.example/" }] }
          return { status: 200, retryAfter: undefined, body: JSON.stringify({ code: "200000", data }) }
        })
      yield* Effect.gen(function* () {
        const feed = yield* Feed.make({ venue: Kucoin.make() })
        yield* collect(feed.entries(Topic.trades("BTC-USDT")))
        yield* pass("1 second")
        for (const peer of yield* server.connections) yield* peer.reset
        yield* pass("10 seconds")
      }).pipe(Effect.scoped, network.provide, Effect.provideService(Rest.Fetch, fetch))
      const urls = (yield* server.dials).map(({ url }) => new URL(url).searchParams.get("token"))
      assert.deepStrictEqual(urls, ["t1", "t2"])
    })
  )

  it.effect("Bitfinex's maintenance makes its topics stale without a word to the venue until it is over", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      let says: (frame: unknown) => void = () => {}
      const heard: Array<string> = []
      let count = 0
      const script = (peer: TestNetwork.Peer) => {
        says = (frame) => void peer.sendUnsafe([JSON.stringify(frame)])
        return peer.listen({
          frame: (frame) => {
            const { channel, event, symbol } = JSON.parse(String(frame)) as Record<string, string>
            heard.push(event ?? "")
            if (event === "conf") says({ event: "conf", status: "OK", flags: 196_608 })
            if (event === "unsubscribe") says({ event: "unsubscribed", status: "OK", chanId: 5 })
            if (event !== "subscribe") return
            says({ event: "subscribed", channel, symbol, chanId: 5 })
            const levels = [
              [100, 1, 2],
              [101, 1, -2]
            ]
            says([5, levels, ++count])
          }
        })
      }
      yield* network.serve("wss://bitfinex.example/", script)
      const statuses: Array<string> = []
      yield* Effect.gen(function* () {
        const feed = yield* Feed.make({ venue: Bitfinex.make({ target: "wss://bitfinex.example/" }) })
        const book = yield* feed.book(Topic.book("tBTCUSD"))
        const note = Effect.sync(() => {
          const status = book.status.getUnsafe()
          statuses.push(status._tag === "Stale" ? status.reason : status._tag)
        })
        yield* pass("1 second")
        yield* note
        says({ event: "info", code: 20_060 })
        yield* pass("20 seconds")
        yield* note
        assert.deepStrictEqual(heard, ["conf", "subscribe"])
        says({ event: "info", code: 20_061 })
        yield* pass("10 seconds")
        yield* note
        assert.deepStrictEqual(heard, ["conf", "subscribe", "unsubscribe", "subscribe"])
      }).pipe(Effect.scoped, network.provide)
      assert.deepStrictEqual(statuses, ["Synced", "maintenance", "Synced"])
    })
  )

  it.effect("a reader of trades hears of Bitfinex's maintenance, and of the next trade in the same session", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      let says: (frame: unknown) => void = () => {}
      const script = (peer: TestNetwork.Peer) => {
        says = (frame) => void peer.sendUnsafe([JSON.stringify(frame)])
        return peer.listen({
          frame: (frame) => {
            const { channel, event, symbol } = JSON.parse(String(frame)) as Record<string, string>
            if (event === "conf") says({ event: "conf", status: "OK", flags: 196_608 })
            if (event === "subscribe") says({ event: "subscribed", channel, symbol, chanId: 5 })
          }
        })
      }
      yield* network.serve("wss://bitfinex.example/", script)
      yield* Effect.gen(function* () {
        const feed = yield* Feed.make({ venue: Bitfinex.make({ target: "wss://bitfinex.example/" }) })
        const found = yield* collect(feed.entries(Topic.trades("tBTCUSD")))
        yield* pass("1 second")
        for (const id of [1, 2]) says([5, "te", [id, 0, 1, 100], id])
        yield* settle
        says({ event: "info", code: 20_060 })
        yield* settle
        for (const id of [3, 4]) says([5, "te", [id, 0, 1, 100], id])
        yield* settle
        assert.deepStrictEqual(tags(found), ["Trade", "Trade", "Stale", "Resynced", "Trade", "Trade"])
      }).pipe(Effect.scoped, network.provide)
    })
  )
})
