// Proves that connections can be declared as data: a configuration opens all of
// them at once, and one with faults opens none and names every fault by its
// path, without repeating a value.
import { assert, describe, it } from "@effect/vitest"
import { intervalOf } from "../../src/internal/heartbeat/cadence.ts"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Codec from "kharbranth/Codec"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import * as ConnectionManagerConfig from "../../src/ConnectionManagerConfig.ts"
import type * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, pass, rig, url } from "./managerRig.ts"

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
          compression: false,
          budget: ["account:1"],
          egress: "feed",
          priority: 2,
          startup: "lazy"
        },
        b: { url, heartbeat: { kind: "passive", idle: "1 minute" } },
        c: { url, heartbeat: { kind: "none" }, codec: undefined },
        d: { url, codec: "messages" }
      }
    })
    if (parsed._tag !== "Success") return assert.fail("it should parse")
    const [a, b, c, d] = parsed.success
    assert.strictEqual(d?.codec, Codec.messages)
    assert.strictEqual(a?.heartbeat?.probe._tag, "Frame")
    const every = intervalOf(a!.heartbeat!.cadence!)
    assert.strictEqual(every && Duration.toMillis(every), 3_000)
    assert.strictEqual(a?.dialTimeout === undefined ? 0 : Duration.toMillis(a.dialTimeout), 500)
    assert.deepStrictEqual(
      [a?.maxMessageSize, a?.compression, a?.egress, a?.priority, a?.startup],
      [1_000, false, "feed", 2, "lazy"]
    )
    assert.strictEqual(b?.heartbeat?.idle === undefined ? 0 : Duration.toMillis(b.heartbeat.idle), 60_000)
    assert.strictEqual(c?.heartbeat?.probe._tag, "None")
  })

  it("the policies that are plain data are read", () => {
    const forever = "Infinity"
    const parsed = ConnectionManager.parse({
      connections: {
        a: {
          url,
          reconnect: { kind: "prompt", maxAttempts: 5, stableAfter: "1 minute", hedgeAfter: "2 seconds", first: false },
          heartbeat: {
            every: "5 seconds",
            timeout: "2 seconds",
            maxMissed: 3,
            onlyWhenIdle: true,
            data: { within: 7 }
          },
          rateLimit: [{ limit: 5, window: "1 second", reserve: 2, scope: "connection" }, { minGap: "10 millis" }],
          rotate: { maxAge: "23 hours", before: "1 minute", mode: "breakFirst", overlap: "2 seconds" },
          inbox: { highWaterMark: 1_000, maxStall: "3 seconds", overflow: "dropOldest" },
          outbox: { capacity: 5, maxBytes: 10, overflow: "fail", whenDown: "drop", ttl: forever, maxReplays: 0 },
          openBuffer: 7,
          writeMark: 8
        },
        b: { url, rateLimit: { limit: 3, window: "1 second" }, outbox: { ttl: "1 minute" }, reconnect: {} }
      }
    })
    if (parsed._tag !== "Success") return assert.fail("it should parse")
    const [a, b] = parsed.success
    if (a === undefined || b === undefined) return assert.fail("there are two")
    const millis = (duration: Duration.Input | undefined) => duration && Duration.toMillis(duration)
    const { classify: _, from: ___, hedgeAfter, schedule: __, stableAfter, ...reconnect } = a.reconnect!
    assert.deepStrictEqual([millis(stableAfter), millis(hedgeAfter)], [60_000, 2_000])
    assert.deepStrictEqual(reconnect, { maxAttempts: 5, first: false })
    const { data, maxMissed, onlyWhenIdle, timeout } = a.heartbeat!
    assert.deepStrictEqual([millis(data?.within), maxMissed, onlyWhenIdle, millis(timeout)], [7, 3, true, 2_000])
    assert.deepStrictEqual(
      a.rateLimit?.map(({ limit, minGap, reserve, scope, window }) => [
        limit,
        millis(window),
        millis(minGap),
        reserve,
        scope
      ]),
      [
        [5, 1_000, undefined, 2, "connection"],
        [undefined, undefined, 10, 0, "session"]
      ]
    )
    assert.deepStrictEqual(
      b.rateLimit?.map(({ limit, reserve }) => [limit, reserve]),
      [[3, 1]]
    )
    const { mode, ...times } = a.rotate!
    assert.strictEqual(mode, "breakFirst")
    assert.deepStrictEqual([times.maxAge, times.before, times.overlap].map(millis), [82_800_000, 60_000, 2_000])
    const { maxStall, ...inbox } = a.inbox!
    assert.deepStrictEqual([millis(maxStall), inbox], [3_000, { highWaterMark: 1_000, overflow: "dropOldest" }])
    const { ttl, ...outbox } = a.outbox!
    const bounds = { capacity: 5, maxBytes: 10, overflow: "fail", whenDown: "drop", maxReplays: 0 }
    assert.deepStrictEqual([millis(ttl), outbox], [Infinity, bounds])
    assert.deepStrictEqual([a.openBuffer, a.writeMark, millis(b.outbox?.ttl)], [7, 8, 60_000])
    assert.deepStrictEqual([b.reconnect?.maxAttempts, b.reconnect?.first], [undefined, true])
  })

  it("a policy that cannot work is found here, at its own path, once", () => {
    const faultsOf = (policies: object) => {
      const parsed = ConnectionManager.parse({ connections: { a: { url, ...policies } } })
      return parsed._tag === "Failure" ? parsed.failure.map(({ path }) => path.slice(2).join(".")) : []
    }
    const cases: ReadonlyArray<readonly [object, ReadonlyArray<string>]> = [
      [{ rateLimit: {} }, ["rateLimit"]],
      [{ rateLimit: [] }, ["rateLimit"]],
      [{ rateLimit: "5/s" }, ["rateLimit"]],
      [{ rateLimit: [{ minGap: 5 }, { limit: 5 }] }, ["rateLimit.1.window"]],
      [
        { rateLimit: [{ minGap: -5 }, { limit: 1, window: 1, reserve: 1 }] },
        ["rateLimit.0.minGap", "rateLimit.1.reserve"]
      ],
      [{ rateLimit: { limit: 1.5, window: 1, scope: "shared" } }, ["rateLimit.limit", "rateLimit.scope"]],
      [{ rotate: { maxAge: 0, notice: "bye" } }, ["rotate.notice", "rotate.maxAge"]],
      [{ inbox: { highWaterMark: 0, overflow: "conflate" } }, ["inbox.highWaterMark", "inbox.overflow"]],
      [{ outbox: { capacity: 0, ttl: "soon", acks: {} } }, ["outbox.acks", "outbox.capacity", "outbox.ttl"]],
      [{ reconnect: { kind: "later", maxAttempts: 0 } }, ["reconnect.kind", "reconnect.maxAttempts"]],
      [{ reconnect: 5 }, ["reconnect"]],
      [{ reconnect: { kind: "exponential", base: "1 minute", cap: "1 second" } }, ["reconnect.cap"]],
      [{ reconnect: { kind: "exponential", factor: "2" } }, ["reconnect.factor"]],
      [{ reconnect: { kind: "polite", base: "1 second" } }, ["reconnect.base"]],
      [{ heartbeat: { every: "1 minute", idle: "30 seconds" } }, ["heartbeat.idle"]],
      [{ heartbeat: { kind: "json", probe: { op: "ping" } } }, ["heartbeat.pulse"]],
      [{ heartbeat: { kind: "json", pulse: 1, maxMissed: 0 } }, ["heartbeat.maxMissed", "heartbeat.probe"]],
      [{ heartbeat: { data: { every: 1 } } }, ["heartbeat.data.every", "heartbeat.data.within"]]
    ]
    for (const [policies, paths] of cases) assert.deepStrictEqual(faultsOf(policies), paths, JSON.stringify(policies))
  })

  it.effect("a declared JSON heartbeat asks as it is told, takes what has all of the pulse and nothing else", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const script: TestNetwork.Script<never> = (peer) =>
        peer.listen({
          frame: (frame) => {
            asked.push(String(frame))
            peer.sendUnsafe([`{"op":"pong","at":5,"args":[{"ok":${peer.id === 1},"more":0}]}`])
          }
        })
      const { manager, server } = yield* rig({ script })
      const heartbeat = { kind: "json", probe: { op: "ping" }, pulse: { op: "pong", args: [{ ok: true }] } }
      const times = { every: "10 seconds", timeout: "2 seconds" }
      const rateLimit = { minGap: "1 second" }
      yield* manager.declare({
        connections: { a: { url, codec: "json", heartbeat: { ...heartbeat, ...times }, rateLimit } }
      })
      yield* manager.awaitReady()
      const pulses: Array<number> = []
      yield* fork(
        Stream.runForEach(manager.events, (event) =>
          Effect.sync(() => {
            if (event._tag === "Happened" && event.event._tag === "PulseSeen") pulses.push(event.event.epoch)
          })
        )
      )
      yield* pass("35 seconds", 500)
      assert.deepStrictEqual(pulses, [1, 1, 1])
      yield* (yield* server.accepted).reset
      yield* pass("35 seconds", 500)
      assert.deepStrictEqual(pulses, [1, 1, 1], "the second peer answers something else, which is no pulse")
      assert.strictEqual((yield* manager.snapshot)[0]?.epoch, 2)
      assert.isAtLeast(asked.length, 6)
      assert.deepStrictEqual(new Set(asked), new Set([`{"op":"ping"}`]))
    })
  )

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
