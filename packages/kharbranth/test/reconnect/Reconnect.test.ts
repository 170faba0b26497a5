// Proves what Reconnect promises: the presets wait exactly as documented and
// the same way for the same seed, every error gets the documented decision,
// overrides win in their order, and nothing a user gives can throw.
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Backoff from "../../src/internal/reconnect/backoff.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { closed, rejected } from "../support/errors.ts"

const connection = "feed"
const epoch = 1
const cause = ConnectionError.foreign(new Error("secret"))
const endpoint = "wss://feed.example/ws"
const second = Duration.seconds(1)

const tls = (code: string) => new ConnectionError.TlsError({ connection, endpoint, code, cause })
const dropped = new ConnectionError.ConnectionDropped({ connection, epoch, cause: undefined })
const silent = new ConnectionError.IdleTimeout({ connection, epoch, after: second })
const openFailed = (value: unknown) =>
  new ConnectionError.OpenFailed({ connection, epoch, issue: "no", cause: ConnectionError.foreign(value) })
const protocolError = new ConnectionError.ProtocolError({ connection, epoch, code: 1002, issue: "x" })
const tooLarge = new ConnectionError.MessageTooLarge({ connection, epoch, size: 2, max: 1 })

type Tag = Reconnect.Decision["_tag"]
const tagOf = (error: ConnectionError.ConnectionError): Tag => Reconnect.classify(error)._tag

const delays = (schedule: Schedule.Schedule<unknown, ConnectionError.ConnectionError>, count: number) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(schedule)
    const waits: Array<number> = []
    for (let index = 0; index < count; index++) {
      const [, delay] = yield* step(index, dropped)
      waits.push(Duration.toMillis(delay))
    }
    return waits
  })

const chances = (count: number) => Effect.all(Array.from({ length: count }, () => Random.next))

describe("presets", () => {
  const documented = [
    { name: "polite", policy: Reconnect.polite, plan: Backoff.polite, first: 3_000, then: [6, 12, 14, 14, 14, 14, 14] },
    { name: "prompt", policy: Reconnect.prompt, plan: Backoff.prompt, first: 250, then: [1, 2, 4, 8, 10, 10, 10] }
  ]
  for (const { first, name, plan, policy, then } of documented) {
    it.effect(`${name} waits within its documented bounds and uses their whole width`, () =>
      Effect.gen(function* () {
        const runs = yield* Effect.all(Array.from({ length: 400 }, () => delays(policy.schedule, 8))).pipe(
          Random.withSeed(name)
        )
        const bounds = [[0, first], ...then.map((seconds) => [seconds * 500, seconds * 1_000])]
        for (const [index, [low, high]] of bounds.entries()) {
          const waits = runs.map((run) => run[index]!)
          const least = Math.min(...waits)
          const most = Math.max(...waits)
          const width = high! - low!
          assert.isTrue(least >= low! && most <= high!, `wait ${index + 1}: ${least} to ${most}`)
          assert.isTrue(least < low! + width * 0.05 && most > high! - width * 0.05, `wait ${index + 1} is not spread`)
        }
      })
    )

    it.effect(`${name} waits the same way for the same seed, as its plan says`, () =>
      Effect.gen(function* () {
        const seeded = yield* delays(policy.schedule, 8).pipe(Random.withSeed(42))
        const again = yield* delays(policy.schedule, 8).pipe(Random.withSeed(42))
        const other = yield* delays(policy.schedule, 8).pipe(Random.withSeed(43))
        const drawn = yield* chances(8).pipe(Random.withSeed(42))
        assert.deepStrictEqual(again, seeded)
        assert.notDeepEqual(other, seeded)
        const planned = drawn.map((chance, index) => Duration.millis(Backoff.waitOf(plan, index + 1, chance)))
        assert.deepStrictEqual(planned.map(Duration.toMillis), seeded)
      })
    )
  }

  it.effect("none ends at the first step", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(delays(Reconnect.none.schedule, 1))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDone(Cause.squash(exit.cause)))
      assert.isFalse(Reconnect.none.first)
    })
  )
})

describe("exponential", () => {
  const numbers = { base: "1 second", factor: 3, cap: "20 seconds" } as const

  it.effect("grows by its factor up to its cap where nothing is left to chance", () =>
    Effect.gen(function* () {
      const policy = Reconnect.exponential({ ...numbers, jitter: 0 })
      assert.deepStrictEqual(yield* delays(policy.schedule, 6), [1_000, 3_000, 9_000, 20_000, 20_000, 20_000])
    })
  )

  it.effect("leaves the share `jitter` of each wait to chance", () =>
    Effect.gen(function* () {
      for (const jitter of [0.25, 1]) {
        const { schedule } = Reconnect.exponential({ ...numbers, jitter })
        const waits = yield* delays(schedule, 5).pipe(Random.withSeed(`exponential ${jitter}`))
        const drawn = yield* chances(5).pipe(Random.withSeed(`exponential ${jitter}`))
        const longest = [1_000, 3_000, 9_000, 20_000, 20_000]
        const expected = longest.map((wait, index) => Duration.millis(wait * (1 - jitter + jitter * drawn[index]!)))
        assert.deepStrictEqual(waits, expected.map(Duration.toMillis))
      }
    })
  )

  it.effect("has the documented defaults", () =>
    Effect.gen(function* () {
      const policy = Reconnect.exponential()
      const waits = yield* delays(policy.schedule, 8).pipe(Random.withSeed("defaults"))
      const drawn = yield* chances(8).pipe(Random.withSeed("defaults"))
      const longest = [1, 2, 4, 8, 16, 30, 30, 30]
      const expected = longest.map((wait, index) => Duration.millis(wait * 1_000 * (0.5 + 0.5 * drawn[index]!)))
      assert.deepStrictEqual(waits, expected.map(Duration.toMillis))
      assert.strictEqual(Duration.toMillis(policy.stableAfter), 10_000)
      assert.isTrue(policy.first)
      assert.strictEqual(policy.classify(dropped)._tag, "Retry")
      assert.isUndefined(Reconnect.check(policy, connection))
    })
  )

  it("names the number that is not usable", () => {
    const wrong: ReadonlyArray<readonly [Reconnect.ExponentialOptions, string]> = [
      [{ base: 0 }, "base"],
      [{ base: Number.NaN }, "base"],
      [{ base: "Infinity" }, "base"],
      [{ base: "one" as never }, "base"],
      [{ base: "2 seconds", cap: "1 second" }, "cap"],
      [{ cap: "Infinity" }, "cap"],
      [{ factor: 0.5 }, "factor"],
      [{ factor: Number.NaN }, "factor"],
      [{ factor: Infinity }, "factor"],
      [{ jitter: -0.1 }, "jitter"],
      [{ jitter: 1.1 }, "jitter"],
      [{ jitter: Number.NaN }, "jitter"],
      [{ maxAttempts: 0 }, "maxAttempts"],
      [{ stableAfter: 0 }, "stableAfter"]
    ]
    for (const [options, name] of wrong) {
      const found = Reconnect.check(Reconnect.exponential(options), connection)
      assert.deepStrictEqual(found?.path, ["reconnect", name])
    }
  })
})

describe("make", () => {
  it.effect("defaults are those of polite", () =>
    Effect.gen(function* () {
      const policy = Reconnect.make()
      assert.strictEqual(Duration.toMillis(policy.stableAfter), 10_000)
      assert.isTrue(policy.first)
      assert.strictEqual(policy.classify, Reconnect.classify)
      assert.deepStrictEqual(
        yield* delays(policy.schedule, 5).pipe(Random.withSeed(1)),
        yield* delays(Reconnect.polite.schedule, 5).pipe(Random.withSeed(1))
      )
    })
  )

  it("options replace the defaults", () => {
    const policy = Reconnect.make({ stableAfter: "3 seconds", first: false, classify: () => Reconnect.stop })
    assert.strictEqual(Duration.toMillis(policy.stableAfter), 3_000)
    assert.isFalse(policy.first)
    assert.strictEqual(policy.classify(dropped), Reconnect.stop)
  })

  it("a rule that throws or has no answer falls back to the defaults", () => {
    const thrower = Reconnect.make({
      classify: () => {
        throw new Error("bug")
      }
    })
    assert.strictEqual(thrower.classify(dropped)._tag, "Retry")
    assert.strictEqual(thrower.classify(closed(1002))._tag, "Stop")
    const mute = Reconnect.make({ classify: () => undefined as never })
    assert.strictEqual(mute.classify(closed(1008))._tag, "Refresh")
  })
})

describe("check", () => {
  const issueAt = (options: Reconnect.Options) => Reconnect.check(Reconnect.make(options), connection)?.path.join(".")
  it("accepts the presets", () => {
    for (const policy of [Reconnect.polite, Reconnect.prompt, Reconnect.none]) {
      assert.strictEqual(Reconnect.check(policy, connection), undefined)
    }
  })
  it("names what is not usable", () => {
    for (const stableAfter of [0, -1, NaN, Infinity, "soon" as never]) {
      assert.strictEqual(issueAt({ stableAfter }), "reconnect.stableAfter", String(stableAfter))
    }
    for (const maxAttempts of [0, -1, NaN, 1.5, Infinity]) {
      assert.strictEqual(issueAt({ maxAttempts }), "reconnect.maxAttempts", String(maxAttempts))
    }
    assert.strictEqual(issueAt({ maxAttempts: 1 }), undefined)
  })
})

describe("classify", () => {
  it("by close code", () => {
    const expected: Record<Tag, Array<number>> = {
      Retry: [1000, 1001, 1005, 1006, 1011, 1012, 1013, 1014, 1015, 3000, 3999, 4000, 4999],
      Refresh: [1008],
      Stop: [1002, 1003, 1007, 1009, 1010],
      RetryAfter: []
    }
    for (const [tag, codes] of Object.entries(expected)) {
      for (const code of codes) assert.strictEqual(tagOf(closed(code)), tag, String(code))
    }
  })

  it("by HTTP status", () => {
    const expected: Record<Tag, Array<number>> = {
      Retry: [200, 408, 429, 500, 502, 503, 504, 599],
      Refresh: [401, 403],
      Stop: [300, 301, 302, 307, 308, 400, 402, 404, 410, 426, 499],
      RetryAfter: []
    }
    for (const [tag, statuses] of Object.entries(expected)) {
      for (const status of statuses) assert.strictEqual(tagOf(rejected(status)), tag, String(status))
    }
  })

  it("honours Retry-After where a retry is due, up to a minute", () => {
    const after = (status: number, seconds: number) => Reconnect.classify(rejected(status, Duration.seconds(seconds)))
    const millis = (decision: Reconnect.Decision) =>
      decision._tag === "RetryAfter" ? Duration.toMillis(decision.delay) : decision._tag
    assert.strictEqual(millis(after(503, 7)), 7_000)
    assert.strictEqual(millis(after(429, 60)), 60_000)
    assert.strictEqual(millis(after(429, 86_400)), 60_000)
    assert.strictEqual(millis(after(404, 7)), "Stop")
    assert.strictEqual(millis(after(401, 7)), "Refresh")
  })

  it("a certificate that does not verify stops, trouble on the way there does not", () => {
    for (const code of ["CERT_HAS_EXPIRED", "DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID", "odd"]) {
      assert.strictEqual(tagOf(tls(code)), "Stop", code)
    }
    for (const code of ["ECONNRESET", "EPROTO", "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR", "ERR_TLS_HANDSHAKE_TIMEOUT"]) {
      assert.strictEqual(tagOf(tls(code)), "Retry", code)
    }
  })

  it("by tag, every error of the union", () => {
    const retried: Array<ConnectionError.ConnectionError> = [
      new ConnectionError.TargetFailed({ connection, cause }),
      new ConnectionError.DialTimeout({ connection, after: second }),
      ...(["dns", "refused", "reset", "unreachable", "local", "proxy", "protocol", "unknown"] as const).map(
        (kind) => new ConnectionError.DialFailed({ connection, kind, endpoint, cause })
      ),
      openFailed(new Error("auth")),
      dropped,
      silent,
      new ConnectionError.ReadError({ connection, epoch, cause }),
      new ConnectionError.WriteError({ connection, epoch, cause }),
      new ConnectionError.PingFailed({ connection, epoch, issue: "x" }),
      new ConnectionError.PongReceiveTimeout({ connection, epoch, timeout: second, missed: 1 }),
      new ConnectionError.NotConnected({ connection, state: "Closed" }),
      new ConnectionError.OutboxFull({ connection, messages: 1, bytes: 1 }),
      new ConnectionError.SendExpired({ connection, ttl: second })
    ]
    const stopped: Array<ConnectionError.ConnectionError> = [
      new ConnectionError.InvalidOptions({ connection, path: [], issue: "x" }),
      protocolError,
      tooLarge,
      new ConnectionError.DecodeError({ connection, epoch, issue: "x", cause }),
      new ConnectionError.EncodeError({ connection, issue: "x", cause }),
      new ConnectionError.InboxOverflow({ connection, bytes: 2, max: 1 }),
      new ConnectionError.ReaderBusy({ connection }),
      new ConnectionError.StartupTimeout({ connection, after: second, last: undefined }),
      new ConnectionError.RetriesExhausted({ connection, attempts: 1, last: dropped }),
      new ConnectionError.ConnectionNotFound({ connection }),
      new ConnectionError.ConnectionExists({ connection }),
      new ConnectionError.Unreachable({ connection, owner: "r1" }),
      new ConnectionError.OwnerFailed({ connection, tag: "NotConnected", issue: "x" })
    ]
    for (const error of retried) assert.strictEqual(tagOf(error), "Retry", error._tag)
    for (const error of stopped) assert.strictEqual(tagOf(error), "Stop", error._tag)
  })

  it("a decision made by the user's program stands", () => {
    assert.strictEqual(tagOf(openFailed(Reconnect.stop)), "Stop")
    assert.strictEqual(tagOf(openFailed({ _tag: "Denied", decision: Reconnect.refresh })), "Refresh")
    const target = ConnectionError.foreign(Reconnect.retryAfter("5 seconds"))
    const decision = Reconnect.classify(new ConnectionError.TargetFailed({ connection, cause: target }))
    assert.isTrue(decision._tag === "RetryAfter" && Duration.toMillis(decision.delay) === 5_000)
  })

  it("what only looks like a decision does not count", () => {
    for (const value of [{ _tag: "Stop" }, { decision: "Stop" }, { decision: null }, null, undefined, "Stop"]) {
      assert.strictEqual(tagOf(openFailed(value)), "Retry")
    }
  })
})

describe("classifyWith", () => {
  it("overrides by close code, also where the code is implied", () => {
    const rule = Reconnect.classifyWith({
      codes: { 1000: Reconnect.stop, 1002: Reconnect.retry, 1006: Reconnect.refresh, 1009: Reconnect.retry }
    })
    assert.strictEqual(rule(closed(1000))._tag, "Stop")
    assert.strictEqual(rule(dropped)._tag, "Refresh")
    assert.strictEqual(rule(protocolError)._tag, "Retry")
    assert.strictEqual(rule(tooLarge)._tag, "Retry")
    assert.strictEqual(rule(closed(1001))._tag, "Retry")
  })

  it("overrides by HTTP status and by tag", () => {
    const rule = Reconnect.classifyWith({
      status: { 404: Reconnect.retry },
      tags: { HandshakeRejected: Reconnect.stop, IdleTimeout: Reconnect.stop }
    })
    assert.strictEqual(rule(rejected(404))._tag, "Retry")
    assert.strictEqual(rule(rejected(503))._tag, "Stop")
    assert.strictEqual(rule(silent)._tag, "Stop")
    assert.strictEqual(rule(dropped)._tag, "Retry")
  })

  it("asks `when` first, then code, then tag, then the defaults", () => {
    const rule = Reconnect.classifyWith({
      when: (error) => (error._tag === "ConnectionClosed" && error.code === 4001 ? Reconnect.refresh : undefined),
      codes: { 4001: Reconnect.stop, 4002: Reconnect.stop },
      tags: { ConnectionClosed: Reconnect.retryAfter("1 second") }
    })
    assert.strictEqual(rule(closed(4001))._tag, "Refresh")
    assert.strictEqual(rule(closed(4002))._tag, "Stop")
    assert.strictEqual(rule(closed(1002))._tag, "RetryAfter")
    assert.strictEqual(rule(silent)._tag, "Retry")
  })

  it("a `when` that throws leaves the decision to the defaults", () => {
    const rule = Reconnect.classifyWith({
      when: () => {
        throw new Error("bug")
      }
    })
    assert.strictEqual(rule(closed(1002))._tag, "Stop")
  })
})
