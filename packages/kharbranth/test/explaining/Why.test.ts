/**
 * Proves that explanations say what people ask: the five that a reader meets most
 * often, word for word, from real runs; and the patterns over several sessions.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Recorder from "kharbranth/Recorder"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Transport } from "kharbranth/Transport"
import * as Why from "kharbranth/Why"
import { recorded, recordingOf } from "../recording/recordingRig.ts"
import { run, url } from "../support/virtual.ts"

/** What is printed of a connection, in a world with more of them. */
const printed = (
  name: string,
  story: (
    network: TestNetwork.TestNetwork
  ) => Effect.Effect<unknown, unknown, Scope.Scope | Recorder.Recorder | Transport>
): Promise<ReadonlyArray<string>> =>
  run(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10 })
      return yield* Effect.gen(function* () {
        yield* story(network)
        return Why.print(Why.explain(yield* recordingOf(name))).split("\n")
      }).pipe(Effect.provide(Recorder.layer()), network.provide)
    })
  )

const make = (name: string, target: string, options: object = {}) =>
  Connection.make(name, { target, codec: Codec.text, startup: "background", ...options })

const heartbeat = Heartbeat.ping({ every: "10 seconds", timeout: "10 seconds" })

describe("the five explanations", () => {
  it("of a session that died in silence", async () => {
    const lines = await printed("binance/btc", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url)
        const connection = yield* make("binance/btc", url, { heartbeat })
        yield* connection.awaitReady
        yield* Effect.sleep("1 hour")
        for (const order of ["a", "b", "c"]) {
          yield* Effect.forkScoped(Connection.track(connection, order, { ttl: "1 minute" }))
        }
        yield* network.inject(Fault.partition())
        yield* Effect.sleep("45 seconds")
      })
    )
    assert.deepStrictEqual(lines, [
      "binance/btc   Reconnecting · 35.0 s · dial 3                            blame: network",
      "because  ping 360 (01:00:00.0) unanswered for 10.0 s; nothing at all since 00:59:50.0 → session 1 ended (PongReceiveTimeout, lived 1 h 00 m); dials 1–2 failed in phase tcp after 10.0 s (DialTimeout) (first failure 01:00:22.9, same error 2 times)",
      "you      3 messages may have arrived or not (writes 1–3); one Gap follows when the next session is Ready",
      "next     dial 3 in 3.5 s",
      "do       nothing"
    ])
  })

  it("of credentials that were refused", async () => {
    const lines = await printed("orders", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url)
        yield* network.inject(Fault.reject({ status: 401 }))
        yield* make("orders", url)
        yield* Effect.sleep("30 seconds")
      })
    )
    assert.deepStrictEqual(lines, [
      "orders        Failed, recoverable · since 00:00:01.0                    blame: credentials",
      "because  dial 1 HTTP 401 → Refresh (target ran with refresh: true); dial 2 HTTP 401 → Stop: refused a fresh token",
      "you      send fails with NotConnected",
      "next     nothing: it does not dial by itself",
      "do       check what `target` returns for refresh: true, then connection.restart()"
    ])
  })

  it("of a name that does not resolve", async () => {
    const lines = await printed("news", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url)
        yield* network.inject(Fault.refuse({ kind: "dns", host: "news.exampel" }))
        for (const name of ["a", "b", "c"]) yield* make(name, url)
        const news = yield* make("news", "wss://news.exampel/")
        yield* Effect.sleep("80 seconds")
        for (let n = 0; n < 14; n++) yield* Effect.forkScoped(Effect.ignore(news.send(`story ${n}`)))
        yield* Effect.sleep("29 seconds")
      })
    )
    assert.deepStrictEqual(lines, [
      "news          Reconnecting · 1 m 48 s · dial 13                         blame: this machine",
      "because  dials 1–12 failed in phase dns: ENOTFOUND news.exampel (first failure 00:00:00.0, same error 12 times)",
      "you      14 messages wait, the oldest for 29.0 s of its 30.0 s ttl",
      "next     dial 13 in 1.9 s",
      "do       the name does not resolve in this process: check the spelling and the resolver; other hosts resolve (3 connections are up)"
    ])
  })

  it("of a reader that stands still", async () => {
    const script: TestNetwork.Script = (peer) =>
      Effect.sync(() => peer.sendUnsafe(Array.from({ length: 412 }, () => "x".repeat(160))))
    const lines = await printed("prices", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url, (peer) => Effect.andThen(Effect.sleep("20 seconds"), script(peer)))
        const prices = yield* make("prices", url)
        yield* prices.receive
        yield* Effect.sleep(7200)
      })
    )
    assert.deepStrictEqual(lines, [
      "prices        Connected · session 1 · Stable                            blame: your reader",
      "because  the inbox has been full for 7.2 s (65,440 bytes, 409 messages); the socket is paused since 00:00:20.0",
      'you      nothing is lost yet; in 2.8 s (maxStall) overflow "fail" ends the connection with InboxOverflow',
      "next     ReaderStalled at 00:00:30.0",
      "do       read faster, share with ConnectionControl.broadcast, or choose overflow: { shed: Inbox.conflate }"
    ])
  })

  it("of a server whose breaker is open", async () => {
    const lines = await printed("eth", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url)
        yield* network.inject(Fault.refuse())
        const manager = yield* ConnectionManager.make({
          budget: { policy: { breaker: { cooldown: "8 seconds", failures: 5 } } }
        })
        for (let n = 0; n < 49; n++) yield* manager.connect(`c${n}`, { target: url, startup: "background" })
        yield* manager.connect("eth", { target: url, startup: "background" })
        yield* Effect.sleep(6500)
      })
    )
    assert.deepStrictEqual(lines, [
      "eth           Connecting · dial 2 waits for the budget · 6.0 s          blame: server",
      "because  the breaker of wss://peer.example is Open: dials in a row failed; the last dial here failed: in phase tcp: ECONNREFUSED peer.example",
      "you      6 dials of this key go before it",
      "next     one probe of wss://peer.example in 1.5 s; then those that wait follow one by one",
      "do       nothing; restart() would wait in the same line. Only 0 of 49 other connections to this host are up"
    ])
  })
})

describe("patterns", () => {
  const kindsOf = (recording: Recorder.Recording) => Why.explain(recording).patterns.map(({ kind }) => kind)

  it("a proxy that closes idle sockets after a minute is found, and how to keep them", () =>
    recorded({ options: { heartbeat: Heartbeat.none } }, ({ network, recording }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 5; n++) {
          yield* Effect.sleep(60_000 + n * 7)
          yield* network.inject(Fault.reset())
          yield* Effect.sleep(n * 10)
        }
        const [pattern] = Why.explain(yield* recording).patterns
        assert.strictEqual(pattern?.kind, "steady age")
        assert.match(pattern!.text, /closes idle sockets; probe at least every \d+\.\d s/)
      })
    ))

  it("a server that limits the age of sockets is told from one that closes idle ones", () =>
    recorded({ options: { heartbeat } }, ({ connection, network, recording }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 5; n++) {
          yield* connection.awaitReady
          yield* Effect.sleep(600_000)
          yield* network.inject(Fault.close({ code: 1001 }))
        }
        yield* Effect.sleep(1)
        assert.deepStrictEqual(kindsOf(yield* recording), ["steady lifetime"])
      })
    ))

  it("ends at random ages are no pattern", () =>
    recorded({ options: { heartbeat } }, ({ connection, network, recording }) =>
      Effect.gen(function* () {
        for (const seconds of [20, 71, 133, 34, 96, 250]) {
          yield* connection.awaitReady
          yield* Effect.sleep(seconds * 1000)
          yield* network.inject(Fault.reset())
        }
        assert.deepStrictEqual(kindsOf(yield* recording), [])
      })
    ))

  it("a server that accepts and closes is found", () =>
    recorded({ script: (peer) => peer.close(4000) }, ({ recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(kindsOf(yield* recording), ["accept then close"])
      })
    ))

  it("a host that is down for everyone is told from one's own trouble", async () => {
    const lines = await printed("one", (network) =>
      Effect.gen(function* () {
        yield* network.serve(url)
        yield* network.serve("wss://other.example/")
        yield* make("elsewhere", "wss://other.example/")
        for (const name of ["one", "two", "three", "four"]) yield* make(name, url)
        yield* Effect.sleep("20 seconds")
        yield* network.inject(Fault.refuse({ host: "peer.example" }))
        yield* network.inject(Fault.reset({ host: "peer.example" }))
        yield* Effect.sleep("10 seconds")
      })
    )
    assert.include(lines[4], "Only 0 of 3 other connections to this host are up, and 1 to other hosts")
  })

  it("a machine that slept is found, and blamed for the session that this cost", () =>
    recorded({ options: { heartbeat } }, ({ network, recording }) =>
      Effect.gen(function* () {
        yield* Effect.sleep("30 seconds")
        yield* network.inject(Fault.suspend("stops"))
        yield* network.inject(Fault.halfOpen())
        yield* Effect.sleep("10 minutes")
        yield* network.lift(Fault.suspend("stops"))
        yield* Effect.sleep("10 seconds")
        const explanation = Why.explain(yield* recording)
        assert.include(
          explanation.patterns.map(({ kind }) => kind),
          "clock jump"
        )
        assert.strictEqual(explanation.blame, "this machine")
      })
    ))
})
