// Proves that connections can be declared as data: a configuration opens all of
// them at once, and one with faults opens none and names every fault by its
// path, without repeating a value.
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ConnectionManager from "../src/ConnectionManager.ts"
import * as ConnectionManagerConfig from "../src/ConnectionManagerConfig.ts"
import { rig, url } from "./managerRig.ts"

const configuration = {
  connections: {
    trades: { url, codec: "json", tags: ["spot"], writeOnInit: ["subscribe"], heartbeat: { kind: "none" } },
    book: {
      url: [url, "wss://other.example/ws"],
      reconnect: "prompt",
      heartbeat: { kind: "ping", every: "5 seconds" }
    }
  }
}

describe("declared", () => {
  it.effect("a configuration opens all at once; writeOnInit goes out before Ready", () =>
    Effect.gen(function* () {
      const { manager, server } = yield* rig()
      const connections = yield* manager.declare(JSON.parse(JSON.stringify(configuration)))
      assert.deepStrictEqual(
        connections.map(({ name }) => name),
        ["trades", "book"]
      )
      yield* manager.awaitReady()
      const got = yield* server.accepted.pipe(Effect.map(({ request }) => request.connection))
      assert.strictEqual(got, "trades")
      const tagged = (yield* manager.snapshot).filter(({ tags }) => tags.includes("spot"))
      assert.deepStrictEqual(
        tagged.map(({ name }) => name),
        ["trades"]
      )
    })
  )

  it("heartbeats, times, limits and groups are read", () => {
    const parsed = ConnectionManager.parse({
      connections: {
        a: {
          url,
          heartbeat: { kind: "text", every: "3 seconds", probe: "hi", pulse: "ho" },
          dialTimeout: 500,
          maxMessageSize: 1_000,
          budget: ["account:1"],
          egress: "feed",
          priority: 2,
          startup: "lazy"
        },
        b: { url, heartbeat: { kind: "passive", idle: "1 minute" } },
        c: { url, heartbeat: { kind: "none" }, codec: null }
      }
    })
    if (parsed._tag !== "Success") return assert.fail("it should parse")
    const [a, b, c] = parsed.success
    assert.strictEqual(a?.heartbeat?.probe._tag, "Frame")
    assert.strictEqual(a?.heartbeat?.every === undefined ? 0 : Duration.toMillis(a.heartbeat.every), 3_000)
    assert.strictEqual(a?.dialTimeout === undefined ? 0 : Duration.toMillis(a.dialTimeout), 500)
    assert.deepStrictEqual([a?.maxMessageSize, a?.egress, a?.priority, a?.startup], [1_000, "feed", 2, "lazy"])
    assert.strictEqual(b?.heartbeat?.idle === undefined ? 0 : Duration.toMillis(b.heartbeat.idle), 60_000)
    assert.strictEqual(c?.heartbeat?.probe._tag, "None")
  })

  it("a passive heartbeat needs its time", () => {
    const parsed = ConnectionManager.parse({ connections: { a: { url, heartbeat: { kind: "passive" } } } })
    assert.strictEqual(parsed._tag === "Failure" && parsed.failure[0]?.path.join("."), "connections.a.heartbeat.idle")
  })

  it("every fault is named with its path, and no value is repeated", () => {
    const secret = "hunter2"
    const parsed = ConnectionManager.parse({
      connections: {
        "a": { url: `nonsense ${secret}`, codec: secret, heartbeat: { every: -1 }, dialTimeout: secret },
        "b": { headers: { "x y": secret }, tags: [1], unknown: secret },
        "c": secret,
        "": { url }
      },
      extra: secret
    })
    if (parsed._tag !== "Failure") return assert.fail("it should not parse")
    const paths = parsed.failure.map(({ path }) => path.join("."))
    for (const path of [
      "extra",
      "connections.a.url",
      "connections.a.codec",
      "connections.a.heartbeat.every",
      "connections.a.dialTimeout",
      "connections.b.url",
      "connections.b.headers.0",
      "connections.b.tags",
      "connections.b.unknown",
      "connections.c",
      "connections."
    ]) {
      assert.include(paths, path)
    }
    for (const error of parsed.failure) assert.notInclude(error.message, secret)
  })

  it.effect("a configuration with a fault opens nothing", () =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      const error = yield* Effect.flip(manager.declare({ connections: { ...configuration.connections, bad: {} } }))
      assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), "connections.bad.url")
      assert.strictEqual((yield* Effect.flip(manager.declare("nonsense")))._tag, "InvalidOptions")
      assert.strictEqual((yield* Effect.flip(manager.declare({ connections: [] })))._tag, "InvalidOptions")
      assert.deepStrictEqual(yield* manager.names, [])
    })
  )
})

describe("from Config", () => {
  const declared = (text: string) =>
    Effect.gen(function* () {
      const { manager } = yield* rig()
      return yield* ConnectionManagerConfig.declare("FEEDS").pipe(
        Effect.provideService(ConnectionManager.ConnectionManager, manager),
        Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ FEEDS: text }))
      )
    })

  it.effect("an entry of JSON opens what it declares", () =>
    Effect.gen(function* () {
      const connections = yield* declared(JSON.stringify(configuration))
      assert.deepStrictEqual(
        connections.map(({ name }) => name),
        ["trades", "book"]
      )
    })
  )

  it.effect("what is not JSON, and what declares wrongly, is a typed failure with its path", () =>
    Effect.gen(function* () {
      const broken = yield* Effect.flip(declared("{"))
      assert.strictEqual(broken._tag === "InvalidOptions" && broken.path.join("."), "FEEDS")
      const wrong = yield* Effect.flip(declared(`{"connections":{"a":{"url":7}}}`))
      assert.strictEqual(wrong._tag === "InvalidOptions" && wrong.path.join("."), "connections.a.url")
    })
  )
})
