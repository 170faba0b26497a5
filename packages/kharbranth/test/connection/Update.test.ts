/**
 * Proves that `update` changes what its documentation says, and when: the bounds
 * of outbox and inbox and the hooks at once, sizes, compression and rate limits
 * with the next dial. What cannot change, and a change that cannot work, is refused with
 * `InvalidOptions`, and then everything is as it was.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
import * as RateLimit from "kharbranth/RateLimit"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { Transport } from "kharbranth/Transport"
import * as TestClock from "effect/testing/TestClock"
import { settle } from "../support/passing.ts"

const url = "wss://peer.example/ws"

const rig = (options: Omit<Connection.Options<typeof Codec.text, string, never>, "target" | "codec"> = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const server = yield* network.serve(url)
    const connection = yield* Connection.make("peer", {
      target: url,
      codec: Codec.text,
      heartbeat: Heartbeat.none,
      ...options
    }).pipe(network.provide)
    return { connection, network, server, peer: yield* server.accepted }
  })

const patch =
  (change: Partial<Connection.Policies>) =>
  <In, Out>(connection: Connection.Connection<In, Out>) =>
    Connection.update(connection, (policies) => ({ ...policies, ...change }))

const refused = (error: { readonly _tag: string }): string =>
  "path" in error && Array.isArray(error.path) ? error.path.join(".") : error._tag

describe("the outbox", () => {
  it.effect("gets room at once for those who wait for it, and less room for those who come", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig({ outbox: { capacity: 1 } })
      yield* connection.pause
      const first = yield* Connection.track(connection, "one")
      const tracking = yield* Effect.forkChild(Connection.track(connection, "two"), { startImmediately: true })
      yield* settle
      assert.isUndefined(tracking.pollUnsafe())
      yield* patch({ outbox: { capacity: 3 } })(connection)
      const second = yield* Fiber.join(tracking)
      assert.strictEqual((yield* Connection.metrics(connection)).outbox.messages, 2)
      yield* patch({ outbox: { capacity: 1, overflow: "fail" } })(connection)
      assert.strictEqual((yield* Effect.flip(connection.send("three")))._tag, "OutboxFull")
      yield* connection.resume
      yield* connection.awaitReady
      yield* connection.close
      assert.notInclude([(yield* first)._tag, (yield* second)._tag], "Dropped")
    })
  )

  it.effect("holds messages by the new rules, and keeps how messages are acknowledged", () =>
    Effect.gen(function* () {
      const acks = { id: (message: string) => message, match: (message: string) => message }
      const { connection, peer } = yield* rig({ outbox: { acks, whenDown: "fail" } })
      yield* Connection.update(connection, (policies) => {
        assert.deepStrictEqual(policies.outbox, { whenDown: "fail" })
        return { ...policies, outbox: { whenDown: "hold", ttl: "2 seconds" } }
      })
      const delivery = yield* Connection.track(connection, "a")
      yield* peer.send(["a"])
      assert.deepInclude(yield* delivery, { _tag: "Confirmed", by: "ack" })
      yield* connection.pause
      const sent = yield* Effect.forkChild(Effect.flip(connection.send("b")), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* Fiber.join(sent))._tag, "SendExpired")
    })
  )
})

describe("the inbox", () => {
  it.effect("drops by the new policy, and lets a socket go on that it held back", () =>
    Effect.gen(function* () {
      const { connection, peer } = yield* rig({ inbox: { highWaterMark: 8, overflow: "dropOldest" } })
      yield* peer.send(["k=1", "k=2", "k=3", "k=4"])
      yield* settle
      const before = (yield* Connection.metrics(connection)).inbox.messages
      assert.isBelow(before, 4)
      yield* patch({ inbox: { highWaterMark: 1_000 } })(connection)
      yield* settle
      assert.strictEqual((yield* Connection.metrics(connection)).inbox.messages, 4)
      const key = () => "the same"
      yield* patch({ inbox: { highWaterMark: 8, overflow: { shed: Inbox.conflate, key } } })(connection)
      // Of two stalls in a row the second one counts: the first began before.
      yield* TestClock.adjust("21 seconds")
      yield* settle
      assert.strictEqual(yield* connection.receive, "k=4")
    })
  )
})

describe("hooks", () => {
  it.effect("are others at once", () =>
    Effect.gen(function* () {
      const heard: Array<string> = []
      const hook = (name: string) => ({ onText: (text: string) => Effect.sync(() => heard.push(`${name} ${text}`)) })
      const { connection, peer } = yield* rig({ hooks: hook("first") })
      yield* peer.send(["a"])
      yield* connection.receive
      yield* settle
      yield* patch({ hooks: hook("second") })(connection)
      yield* peer.send(["b"])
      yield* connection.receive
      yield* settle
      yield* patch({ hooks: undefined })(connection)
      yield* peer.send(["c"])
      yield* connection.receive
      yield* settle
      assert.deepStrictEqual(heard, ["first a", "second b"])
    })
  )
})

describe("sizes and limits", () => {
  it.effect("are the next session's", () =>
    Effect.gen(function* () {
      const { connection, peer, server } = yield* rig()
      yield* patch({ maxMessageSize: 3, rateLimit: RateLimit.make({ limit: 1, window: "1 minute", reserve: 0 }) })(
        connection
      )
      yield* peer.send(["four"])
      assert.strictEqual(yield* connection.receive, "four")
      yield* connection.send("a")
      yield* connection.send("b")
      yield* connection.restart()
      const next = yield* server.accepted
      yield* connection.send("c")
      const limited = yield* Effect.forkChild(connection.send("d"), { startImmediately: true })
      yield* settle
      assert.isUndefined(limited.pollUnsafe(), "the limit counts from this session on")
      const failed = yield* Effect.forkChild(Effect.flip(connection.receive), { startImmediately: true })
      yield* next.send(["four"])
      assert.strictEqual((yield* Fiber.join(failed))._tag, "MessageTooLarge")
    })
  )
})

describe("compression", () => {
  const dialed = (platform: "browser" | "node", compression?: boolean) =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ platform })
      yield* network.serve(url)
      const dials: Array<boolean | undefined> = []
      const connection = yield* Effect.gen(function* () {
        const transport = yield* Transport
        const dial: typeof transport.dial = (request, receiver) => {
          dials.push(request.compression)
          return transport.dial(request, receiver)
        }
        const options = { target: url, codec: Codec.text, compression } as const
        return yield* Effect.provideService(Connection.make("peer", options), Transport, { ...transport, dial })
      }).pipe(network.provide)
      return { connection, dials }
    })

  it.effect("is asked of the transport with each dial, from the next one on", () =>
    Effect.gen(function* () {
      const { connection, dials } = yield* dialed("node", true)
      for (const compression of [false, undefined]) {
        yield* patch({ compression })(connection)
        yield* connection.restart()
      }
      assert.deepStrictEqual(dials, [true, false, undefined])
    })
  )

  it.effect("is refused where the transport leaves no choice, when made and when updated", () =>
    Effect.gen(function* () {
      for (const compression of [false, true]) {
        const error = yield* Effect.flip(dialed("browser", compression))
        assert.strictEqual(refused(error), "compression")
        const { connection } = yield* dialed("browser")
        assert.strictEqual(refused(yield* Effect.flip(patch({ compression })(connection))), "compression")
      }
    })
  )
})

describe("what cannot change", () => {
  const fixed: Readonly<Record<string, object>> = {
    "codec": { codec: Codec.json },
    "onOpen": { onOpen: () => Effect.void },
    "rotate": { rotate: {} },
    "startup": { startup: "lazy" },
    "startupTimeout": { startupTimeout: 5 },
    "tags": { tags: ["a"] },
    "permit": { permit: () => Effect.void },
    "outbox.acks": { outbox: { acks: { id: () => "a", match: () => "a" } } },
    "outbox.capacity": { outbox: { capacity: 0 } },
    "inbox.overflow": { inbox: { overflow: "drop" } },
    "hooks.onTxt": { hooks: { onTxt: () => Effect.void } },
    "heartbeet": { heartbeet: Heartbeat.none },
    "reconnect": { reconnect: 5 },
    "writeMark": { writeMark: -1 }
  }

  for (const [path, change] of Object.entries(fixed)) {
    it.effect(`${path} is refused, and nothing has changed`, () =>
      Effect.gen(function* () {
        const { connection } = yield* rig({ outbox: { capacity: 5 }, maxMessageSize: 7 })
        const error = yield* Effect.flip(patch({ maxMessageSize: 9, ...change })(connection))
        assert.strictEqual(refused(error), path)
        yield* Connection.update(connection, (policies) => {
          assert.deepInclude(policies, { maxMessageSize: 7, outbox: { capacity: 5 } })
          return policies
        })
      })
    )
  }

  it.effect("a function that throws, or returns nothing, is refused too", () =>
    Effect.gen(function* () {
      const { connection } = yield* rig()
      const thrown = Connection.update(connection, () => {
        throw new Error("planted")
      })
      const error = yield* Effect.flip(thrown)
      assert.strictEqual(refused(error), "update")
      assert.notInclude(error.message, "planted")
      assert.strictEqual(
        refused(yield* Effect.flip(Connection.update(connection, () => undefined as never))),
        "options"
      )
    })
  )

  it.effect("a duration may be given in words", () =>
    Effect.gen(function* () {
      const { connection, server } = yield* rig()
      yield* patch({ dialTimeout: "3 seconds" as never, closeTimeout: undefined as never })(connection)
      yield* connection.restart()
      yield* server.accepted
      yield* connection.close
    })
  )
})
