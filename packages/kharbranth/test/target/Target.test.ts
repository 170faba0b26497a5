// Proves that a target is checked at the door where it can be and at every dial
// where it cannot, that no message ever holds the value it complains about,
// that user failures, defects and interruptions become TargetFailed, that each
// dial resolves again, with its attempt, and that requirements reach the type.
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Target from "../../src/Target.ts"
import * as Transport from "../../src/Transport.ts"

const url = "wss://feed.example/ws"
const attempt: Target.Attempt = { attempt: 1, refresh: false, cause: undefined, endpoint: 0 }
const secret = "hunter2"

const recipeOf = <E = never, R = never>(input: Target.Input<E, R>, headers = true): Target.Recipe<R> =>
  Result.getOrThrow(Target.make("feed", input, { headers: headers && Transport.httpHeaders }))
const resolve = <E = never, R = never>(input: Target.Input<E, R>, over: Partial<Target.Attempt> = {}, headers = true) =>
  recipeOf(input, headers).resolve("feed", { ...attempt, ...over })
const refusal = (input: unknown, headers = true): ConnectionError.InvalidOptions => {
  const result = Target.make("feed", input as Target.Input, { headers: headers && Transport.httpHeaders })
  assert(Result.isFailure(result), `accepted: ${String(input)}`)
  return result.failure
}
const invalid = <E = never, R = never>(input: Target.Input<E, R>, headers = true) =>
  Effect.map(Effect.flip(resolve(input, {}, headers)), (error) => {
    assert(error._tag === "InvalidOptions", error._tag)
    return error
  })

describe("urls", () => {
  it.effect("come out absolute, with a WebSocket scheme", () =>
    Effect.gen(function* () {
      const cases: Array<[string | URL, string]> = [
        [url, url],
        [new URL(url), url],
        ["ws://localhost:8080", "ws://localhost:8080/"],
        ["http://feed.example:81/a?b=c", "ws://feed.example:81/a?b=c"],
        ["https://feed.example/a", "wss://feed.example/a"],
        ["WSS://Feed.Example/A", "wss://feed.example/A"]
      ]
      for (const [given, expected] of cases) {
        assert.strictEqual((yield* resolve(given)).url, expected)
        assert.strictEqual((yield* resolve(Effect.succeed(given))).url, expected)
      }
    })
  )

  it("a URL object given by the user is not changed", () => {
    const given = new URL("https://feed.example/")
    recipeOf(given)
    assert.strictEqual(given.href, "https://feed.example/")
  })

  const bad = [
    `/ws?${secret}`,
    "",
    `ftp://${secret}.example`,
    `${url}#${secret}`,
    `${url}#`,
    "wss://",
    `//${secret}`,
    7,
    null
  ]
  it("that are not usable are refused at the door, unquoted", () => {
    for (const given of bad) {
      for (const input of [given, { url: given }, { url: [url, given] }]) {
        const error = refusal(input)
        assert.strictEqual(error.path[0], "target")
        assert.notInclude(error.message, secret)
      }
    }
    assert.deepStrictEqual(refusal(`${url}#x`).path, ["target"])
    assert.deepStrictEqual(refusal({ url: "x" }).path, ["target", "url"])
    assert.deepStrictEqual(refusal({ url: [url, "x"] }).path, ["target", "url", 1])
    assert.deepStrictEqual(refusal({ url: [] }).path, ["target", "url"])
    assert.deepStrictEqual(refusal(undefined).path, ["target"])
    assert.deepStrictEqual(refusal({}).path, ["target", "url"])
  })

  it.effect("that are not usable are refused at the dial where nobody knew before", () =>
    Effect.gen(function* () {
      for (const given of bad) {
        for (const field of [Effect.succeed(given as string), () => given as string]) {
          const error = yield* invalid({ url: field })
          assert.deepStrictEqual(error.path, ["target", "url"])
          assert.notInclude(error.message, secret)
          assert.strictEqual((yield* invalid(field)).path[0], "target")
        }
      }
    })
  )
})

describe("subprotocols", () => {
  it.effect("are tokens, each once", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* resolve({ url, subprotocols: ["v1.json", "graphql-ws"] })).subprotocols, [
        "v1.json",
        "graphql-ws"
      ])
      assert.deepStrictEqual((yield* resolve(url)).subprotocols, [])
      for (const name of ["", "a b", "a,b", `"${secret}"`, "ü", "a\r\nb", 7 as never]) {
        const error = refusal({ url, subprotocols: ["ok", name] })
        assert.deepStrictEqual(error.path, ["target", "subprotocols", 1])
        assert.notInclude(error.message, secret)
        assert.deepStrictEqual((yield* invalid({ url, subprotocols: () => ["ok", name] })).path, error.path)
      }
      assert.deepStrictEqual(refusal({ url, subprotocols: ["a", "b", "a"] }).path, ["target", "subprotocols", 2])
      assert.deepStrictEqual(refusal({ url, subprotocols: "a" }).path, ["target", "subprotocols"])
    })
  )
})

describe("headers", () => {
  it.effect("arrive, redacted ones revealed", () =>
    Effect.gen(function* () {
      const { headers } = yield* resolve({
        url,
        headers: { "X-Api-Key": Redacted.make(secret), "user-agent": "me/1.0", "x-latin": "caf\u00e9" }
      })
      assert.deepStrictEqual(headers, { "X-Api-Key": secret, "user-agent": "me/1.0", "x-latin": "caf\u00e9" })
      assert.deepStrictEqual((yield* resolve(url)).headers, {})
    })
  )

  it.effect("that could split or break the request are refused, values unquoted", () =>
    Effect.gen(function* () {
      for (const value of [
        `${secret}\r\nx: y`,
        `${secret}\n`,
        `${secret}\0`,
        `${secret}\u0001`,
        `${secret}\u20ac`,
        7
      ]) {
        for (const given of [value as string, Redacted.make(value as string)]) {
          const error = refusal({ url, headers: { "x-api-key": given } })
          assert.deepStrictEqual(error.path, ["target", "headers", "x-api-key"])
          assert.notInclude(error.message, secret)
          const late = yield* invalid({ url, headers: Effect.succeed({ "x-api-key": given }) })
          assert.deepStrictEqual(late.path, error.path)
          assert.notInclude(late.message, secret)
        }
      }
    })
  )

  it("with a name that is none are refused by position: it may be a secret in the wrong place", () => {
    for (const name of [`Bearer ${secret}`, "a:b", "", "a\r\nb", "ü"]) {
      const error = refusal({ url, headers: { ok: "1", [name]: "x" } })
      assert.deepStrictEqual(error.path, ["target", "headers", 1])
      assert.notInclude(error.message, secret)
    }
  })

  it("of the upgrade itself, and twins in different case, are refused", () => {
    for (const name of ["Connection", "upgrade", "Sec-WebSocket-Key", "sec-websocket-extensions", "Content-Length"]) {
      assert.deepStrictEqual(refusal({ url, headers: { [name]: "x" } }).path, ["target", "headers", name])
    }
    assert.include(refusal({ url, headers: { "Sec-WebSocket-Protocol": "x" } }).message, "`subprotocols`")
    assert.deepStrictEqual(refusal({ url, headers: { "X-A": "1", "x-a": "2" } }).path, ["target", "headers", "x-a"])
    for (const headers of ["x", null, ["a"]]) {
      assert.deepStrictEqual(refusal({ url, headers }).path, ["target", "headers"])
    }
  })

  it.effect("are refused where the transport has none, with the alternatives named", () =>
    Effect.gen(function* () {
      const error = refusal({ url, headers: { "x-a": "1" } }, false)
      assert.deepStrictEqual(error.path, ["target", "headers"])
      assert.include(error.message, "subprotocol")
      assert.deepStrictEqual((yield* invalid({ url, headers: () => ({ "x-a": "1" }) }, false)).path, error.path)
      assert.deepStrictEqual((yield* resolve({ url, headers: {} }, {}, false)).headers, {})
      assert.isTrue(Result.isSuccess(Target.make("feed", { url, headers: { "x-a": "1" } })))
    })
  )
})

describe("heartbeats", () => {
  const beat = Heartbeat.text({ every: "18 seconds" })

  it.effect("are values, or resolved for each dial", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* resolve({ url, heartbeat: beat })).heartbeat, beat)
      assert.strictEqual((yield* resolve({ url, heartbeat: Effect.succeed(beat) })).heartbeat, beat)
      assert.strictEqual((yield* resolve(Effect.succeed({ url, heartbeat: beat }))).heartbeat, beat)
      assert.isUndefined((yield* resolve({ url, heartbeat: () => undefined })).heartbeat)
      assert.isUndefined((yield* resolve(url)).heartbeat)
    })
  )

  it.effect("are checked, at the door where they are known", () =>
    Effect.gen(function* () {
      const wrong = Heartbeat.text({ every: 0 })
      assert.deepStrictEqual(refusal({ url, heartbeat: wrong }).path, ["target", "heartbeat", "every"])
      assert.deepStrictEqual(refusal({ url, heartbeat: "20 seconds" }).path, ["target", "heartbeat"])
      const later = yield* invalid({ url, heartbeat: () => wrong })
      assert.deepStrictEqual(later.path, ["target", "heartbeat", "every"])
      const abilities = { headers: Transport.httpHeaders, ping: false } as const
      const refused = Target.make("feed", { url, heartbeat: Heartbeat.ping() }, abilities)
      assert.isTrue(Result.isFailure(refused) && refused.failure.message.includes("cannot send protocol pings"))
    })
  )
})

describe("expiresAt", () => {
  it.effect("takes milliseconds, a Date, a DateTime, or nothing", () =>
    Effect.gen(function* () {
      const at = 1_800_000_000_000
      for (const moment of [at, new Date(at), DateTime.makeUnsafe(at), { epochMilliseconds: at }]) {
        assert.strictEqual((yield* resolve({ url, expiresAt: moment })).expiresAt, at)
        assert.strictEqual((yield* resolve({ url, expiresAt: () => moment })).expiresAt, at)
      }
      assert.isUndefined((yield* resolve({ url, expiresAt: Effect.succeed(undefined) })).expiresAt)
      for (const moment of [NaN, Infinity, new Date(NaN), "tomorrow", {}, null]) {
        assert.deepStrictEqual(refusal({ url, expiresAt: moment }).path, ["target", "expiresAt"])
      }
    })
  )
})

describe("resolving", () => {
  it.effect("happens again for every dial, with its attempt", () =>
    Effect.gen(function* () {
      const seen: Array<Target.Attempt> = []
      let tokens = 0
      const recipe = recipeOf({
        url: (attempt) => {
          seen.push(attempt)
          return `${url}?refresh=${attempt.refresh}`
        },
        headers: Effect.sync(() => ({ "x-token": Redacted.make(`token-${++tokens}`) }))
      })
      assert.strictEqual(tokens, 0)
      const cause = new ConnectionError.ConnectionDropped({ connection: "feed", epoch: 1, cause: undefined })
      const first = yield* recipe.resolve("feed", attempt)
      const second = yield* recipe.resolve("feed", { attempt: 2, refresh: true, cause, endpoint: 0 })
      assert.deepStrictEqual([first.headers["x-token"], second.headers["x-token"]], ["token-1", "token-2"])
      assert.deepStrictEqual([first.url, second.url], [`${url}?refresh=false`, `${url}?refresh=true`])
      assert.strictEqual(seen[1]?.cause, cause)
    })
  )

  it.effect("several urls are endpoints, chosen by the attempt", () =>
    Effect.gen(function* () {
      const recipe = recipeOf({
        url: ["wss://a.example", Effect.succeed("wss://b.example"), () => "wss://c.example"],
        subprotocols: ["v1"]
      })
      assert.strictEqual(recipe.endpoints, 3)
      const urls: Array<string> = []
      for (const endpoint of [0, 1, 2, 3]) urls.push((yield* recipe.resolve("feed", { ...attempt, endpoint })).url)
      assert.deepStrictEqual(urls, ["wss://a.example/", "wss://b.example/", "wss://c.example/", "wss://a.example/"])
    })
  )

  it.effect("a whole target may come from an Effect or a function", () =>
    Effect.gen(function* () {
      const whole = { url: "https://feed.example/ws", subprotocols: ["v1"], headers: { a: "b" }, expiresAt: 5 }
      const expected = { url, subprotocols: ["v1"], headers: { a: "b" }, expiresAt: 5, heartbeat: undefined }
      assert.deepStrictEqual(yield* resolve(Effect.succeed(whole)), expected)
      assert.deepStrictEqual(yield* resolve(() => whole), expected)
      assert.deepStrictEqual(yield* resolve(({ attempt }) => Effect.succeed(`${url}/${attempt}`)), {
        ...expected,
        url: `${url}/1`,
        subprotocols: [],
        headers: {},
        expiresAt: undefined
      })
      assert.strictEqual(recipeOf(() => whole).endpoints, 1)
      assert.deepStrictEqual((yield* invalid(() => ({ ...whole, headers: { a: "\n" } }))).path, [
        "target",
        "headers",
        "a"
      ])
    })
  )

  it.effect("user failures, throws, defects and interruptions become TargetFailed, causes redacted", () =>
    Effect.gen(function* () {
      const failures: Array<Target.Input<unknown>> = [
        Effect.fail({ reason: secret }),
        { url, headers: Effect.die(new Error(secret)) },
        { url, headers: Effect.interrupt },
        {
          url: () => {
            throw new Error(secret)
          }
        },
        () => {
          throw new Error(secret)
        }
      ]
      for (const input of failures) {
        const error = yield* Effect.flip(resolve(input))
        assert.strictEqual(error._tag, "TargetFailed")
        assert.notInclude(error.message, secret)
        assert.notInclude(JSON.stringify(error), secret)
      }
      const failed = yield* Effect.flip(resolve(Effect.fail("no token")))
      assert(failed._tag === "TargetFailed")
      assert.strictEqual(Redacted.value(failed.cause), "no token")
    })
  )

  it.effect("is interruptible, and then is interrupted, not failed", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const hanging = Effect.andThen(Deferred.succeed(started, undefined), Effect.never)
      const fiber = yield* Effect.forkChild(resolve({ url, headers: hanging }))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      const exit = yield* Fiber.await(fiber)
      assert.isTrue(Exit.hasInterrupts(exit))
    })
  )
})

describe("types", () => {
  class Tokens extends Context.Service<Tokens, { readonly token: string }>()("test/Tokens") {}
  class Hosts extends Context.Service<Hosts, { readonly host: string }>()("test/Hosts") {}
  const headers = Effect.map(Effect.service(Tokens), ({ token }) => ({ "x-token": token }))
  const host = Effect.map(Effect.service(Hosts), ({ host }) => `wss://${host}`)

  it.effect("requirements of the fields reach the recipe", () =>
    Effect.gen(function* () {
      const recipe: Target.Recipe<Tokens> = recipeOf({ url, headers })
      // @ts-expect-error the recipe needs Tokens
      const wrong: Target.Recipe = recipe
      const target = yield* wrong.resolve("feed", attempt).pipe(Effect.provideService(Tokens, { token: "t" }))
      assert.deepStrictEqual(target.headers, { "x-token": "t" })
    })
  )

  it.effect("Context unites the requirements of an input inferred as a whole", () =>
    Effect.gen(function* () {
      const made = <const I extends Target.Input<unknown, unknown>>(input: I) =>
        Target.make("feed", input as Target.Input<unknown, Target.Context<I>>)
      const recipe: Target.Recipe<Tokens | Hosts> = Result.getOrThrow(
        made({ url: [url, host], headers: () => headers })
      )
      // @ts-expect-error both are needed
      const half: Target.Recipe<Hosts> = recipe
      const target = yield* half
        .resolve("feed", { ...attempt, endpoint: 1 })
        .pipe(Effect.provideService(Tokens, { token: "t" }), Effect.provideService(Hosts, { host: "h.example" }))
      assert.strictEqual(target.url, "wss://h.example/")
      const plain: Target.Recipe = Result.getOrThrow(made(url))
      const whole: Target.Recipe<Hosts> = Result.getOrThrow(made(host))
      const fn: Target.Recipe<Hosts> = Result.getOrThrow(made((attempt) => (attempt.refresh ? host : url)))
      assert.deepStrictEqual([plain.endpoints, whole.endpoints, fn.endpoints], [1, 1, 1])
    })
  )
})
