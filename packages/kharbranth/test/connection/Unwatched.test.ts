/**
 * Proves that a connection which nothing watches says so once: where the transport
 * cannot ping and no heartbeat is given, one Warn line whatever becomes of its
 * sessions, and none where somebody chose. Also that `bytesOut` counts bytes.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

const warnings = (platform: "node" | "browser", heartbeat?: Heartbeat.Heartbeat, ofTarget?: Heartbeat.Heartbeat) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ platform })
    yield* network.serve(url)
    const lines: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel} ${String(message)}`))
    const target = ofTarget === undefined ? url : { url, heartbeat: Effect.succeed(ofTarget) }
    const connection = yield* network
      .provide(Connection.make("feed", { target, codec: Codec.text, heartbeat }))
      .pipe(Effect.provide(Logger.layer([logger])))
    yield* connection.restart()
    yield* settle
    return lines.filter((line) => line.startsWith("Warn no heartbeat"))
  })

describe("a connection without a heartbeat", () => {
  it.effect("warns once where the transport cannot ping", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* warnings("browser")).length, 1)
    })
  )

  it.effect("does not warn where pings are sent, or somebody chose", () =>
    Effect.gen(function* () {
      const text = Heartbeat.text({ every: "20 seconds", timeout: "10 seconds", probe: "ping" })
      assert.deepStrictEqual(yield* warnings("node"), [])
      assert.deepStrictEqual(yield* warnings("browser", text), [])
      assert.deepStrictEqual(yield* warnings("browser", Heartbeat.none), [])
      assert.deepStrictEqual(yield* warnings("browser", undefined, text), [])
    })
  )
})

describe("bytesOut", () => {
  it.effect("counts bytes, not characters", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      const connection = yield* network.provide(Connection.make("feed", { target: url }))
      for (const message of ["abc", "é", "€", "😀", new Uint8Array(5)]) yield* connection.send(message)
      yield* settle
      const { bytesOut } = yield* Connection.metrics(connection)
      assert.strictEqual(bytesOut, 3 + 2 + 3 + 4 + 5)
    })
  )
})
