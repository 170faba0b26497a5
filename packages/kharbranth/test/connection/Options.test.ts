/**
 * Proves that bad input is refused when a connection is made: each wrong option
 * gives `InvalidOptions` with the path of the field, nothing is dialed, nothing
 * throws, and no value that was given is repeated in the message.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as RateLimit from "kharbranth/RateLimit"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const target = "wss://peer.example/ws"

const wrong: ReadonlyArray<readonly [path: string, options: object]> = [
  ["target", { target: "planted no url" }],
  ["target", { target: "ftp://planted.example/" }],
  ["target", { target: "wss://planted.example/#fragment" }],
  ["target.url", { target: { url: "planted" } }],
  ["target.url.1", { target: { url: [target, "planted"] } }],
  ["target.headers.x-bad", { target: { url: target, headers: { "x-bad": "planted\r\nInjected: 1" } } }],
  ["target.headers.0", { target: { url: target, headers: { "planted name": "a" } } }],
  ["target.headers.Upgrade", { target: { url: target, headers: { Upgrade: "planted" } } }],
  ["target.subprotocols.0", { target: { url: target, subprotocols: ["planted protocol"] } }],
  ["target.subprotocols.1", { target: { url: target, subprotocols: ["a", "a"] } }],
  ["heartbeat.every", { target, heartbeat: Heartbeat.ping({ every: 0 }) }],
  ["heartbeat.timeout", { target, heartbeat: Heartbeat.ping({ timeout: -1 }) }],
  ["heartbeat.maxMissed", { target, heartbeat: Heartbeat.ping({ maxMissed: 0 }) }],
  ["heartbeat.idle", { target, heartbeat: Heartbeat.ping({ every: "20 seconds", idle: "10 seconds" }) }],
  ["reconnect.stableAfter", { target, reconnect: Reconnect.make({ stableAfter: 0 }) }],
  ["reconnect.maxAttempts", { target, reconnect: Reconnect.make({ maxAttempts: 0 }) }],
  ["outbox.capacity", { target, outbox: { capacity: 0 } }],
  ["outbox.capacity", { target, outbox: { capacity: 1.5 } }],
  ["outbox.maxBytes", { target, outbox: { maxBytes: -1 } }],
  ["outbox.maxReplays", { target, outbox: { maxReplays: -1 } }],
  ["outbox.ttl", { target, outbox: { ttl: 0 } }],
  ["outbox.overflow", { target, outbox: { overflow: "planted" } }],
  ["outbox.whenDown", { target, outbox: { whenDown: "planted" } }],
  ["rotate.mode", { target, rotate: { mode: "planted" } }],
  ["codec", { target, codec: {} }],
  ["codec", { target, codec: "planted" }],
  ["codec", { target, codec: 5 }],
  ["inbox.highWaterMark", { target, inbox: { highWaterMark: 0 } }],
  ["inbox.maxStall", { target, inbox: { maxStall: 0 } }],
  ["inbox.overflow", { target, inbox: { overflow: "planted" } }],
  ["rateLimit", { target, rateLimit: RateLimit.make({}) }],
  ["rateLimit.window", { target, rateLimit: RateLimit.make({ limit: 5 }) }],
  [
    "rateLimit.1.limit",
    { target, rateLimit: [RateLimit.make({ minGap: 1 }), RateLimit.make({ limit: 0, window: 1 })] }
  ],
  ["dialTimeout", { target, dialTimeout: 0 }],
  ["openTimeout", { target, openTimeout: -5 }],
  ["openBuffer", { target, openBuffer: 0 }],
  ["closeTimeout", { target, closeTimeout: 0 }],
  ["maxMessageSize", { target, maxMessageSize: 0 }],
  ["maxMessageSize", { target, maxMessageSize: Number.NaN }],
  ["writeMark", { target, writeMark: 0 }],
  ["startupTimeout", { target, startupTimeout: 0 }],
  ["rotate.maxAge", { target, rotate: { maxAge: 0 } }],
  ["rotate.overlap", { target, rotate: { overlap: -1 } }]
]

const refusal = (options: object) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(target)
    const error = yield* Connection.make("peer", {
      target,
      codec: Codec.text,
      startup: "background",
      ...options
    }).pipe(network.provide, Effect.scoped, Effect.flip)
    return { error, dials: (yield* network.history).length }
  })

describe("Connection.make", () => {
  for (const [path, options] of wrong) {
    it.effect(`refuses ${path} (${Object.keys(options).join(", ")}) ${wrong.findIndex(([, o]) => o === options)}`, () =>
      Effect.gen(function* () {
        const { dials, error } = yield* refusal(options)
        assert.strictEqual(error._tag, "InvalidOptions")
        if (error._tag !== "InvalidOptions") return
        assert.strictEqual(error.path.join("."), path)
        assert.strictEqual(dials, 0)
        assert.include(error.message, "peer")
        assert.notInclude(error.message, "planted")
      })
    )
  }

  it.effect("refuses headers where the transport cannot send them", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ platform: "browser" })
      const error = yield* Connection.make("peer", {
        target: { url: target, headers: { Authorization: "planted" } },
        heartbeat: Heartbeat.none
      }).pipe(network.provide, Effect.scoped, Effect.flip)
      assert.strictEqual(error._tag === "InvalidOptions" ? error.path.join(".") : error._tag, "target.headers")
    })
  )

  it.effect("refuses protocol pings where the transport has none", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ platform: "browser" })
      const error = yield* Connection.make("peer", { target, heartbeat: Heartbeat.ping() }).pipe(
        network.provide,
        Effect.scoped,
        Effect.flip
      )
      assert.strictEqual(error._tag === "InvalidOptions" ? error.path.join(".") : error._tag, "heartbeat")
    })
  )

  it.effect("refuses a wrong target in an update too", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("peer", { target, codec: Codec.text })
        const error = yield* Effect.flip(
          Connection.update(connection, (policies) => ({ ...policies, target: "planted" }))
        )
        assert.strictEqual(error._tag === "InvalidOptions" ? error.path.join(".") : error._tag, "target")
      }).pipe(network.provide, Effect.scoped)
    })
  )
})
