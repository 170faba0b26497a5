/**
 * Proves that requests over HTTP stay within a venue's weight limit and its
 * pauses, that every failure is typed and names no query, and that the platform's
 * `fetch` is bounded and let go of.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Rest from "../src/Rest.ts"

const options = { venue: "somewhere", limit: 100, window: "1 minute" } as const
const ok = { status: 200, retryAfter: undefined, body: "yes" }
const url = "https://venue.example/depth?symbol=SECRET"

/** Answers as told, and notes when. */
const scripted = (answers: ReadonlyArray<Rest.Response>) => {
  const at: Array<number> = []
  const fetch: Rest.Fetch = () =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      at.push(now)
      return answers[at.length - 1] ?? ok
    })
  return { at, provide: Effect.provideService(Rest.Fetch, fetch) }
}

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkScoped(effect, { startImmediately: true })

describe("Rest", () => {
  it.effect("no window ever sees more than the limit", () =>
    Effect.gen(function* () {
      const { at, provide } = scripted([])
      const rest = yield* provide(Rest.make(options))
      const fiber = yield* fork(
        Effect.forEach(Array.from({ length: 7 }), () => rest.ask({ url, weight: 40 }), { concurrency: "unbounded" })
      )
      yield* Effect.repeat(TestClock.adjust("10 seconds"), { times: 30 })
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(at, [0, 0, 60_000, 60_000, 120_000, 120_000, 180_000])
      assert.strictEqual((yield* rest.figures).used, 0)
    })
  )

  it.effect("a venue that says too many pauses everybody, for as long as it says", () =>
    Effect.gen(function* () {
      const { at, provide } = scripted([{ status: 429, retryAfter: "7", body: "" }])
      const rest = yield* provide(Rest.make(options))
      const error = yield* Effect.flip(rest.ask({ url }))
      assert.deepInclude(error, { _tag: "RestFailed", kind: "status", status: 429, retryAfter: 7000 })
      assert.strictEqual(
        error.message,
        "somewhere: the request to https://venue.example/depth failed (status): HTTP 429. Ask again in 7 s."
      )
      assert.strictEqual((yield* rest.figures).pausedFor, 7000)
      const second = yield* fork(rest.ask({ url }))
      yield* TestClock.adjust("6999 millis")
      assert.lengthOf(at, 1)
      yield* TestClock.adjust("1 milli")
      assert.strictEqual(yield* Fiber.join(second), "yes")
    })
  )

  it.effect("a request that hangs, and one that is refused, are typed", () =>
    Effect.gen(function* () {
      const made = (fetch: Rest.Fetch) => Effect.provideService(Rest.make(options), Rest.Fetch, fetch)
      const silent = yield* made(() => Effect.never)
      const hung = yield* fork(Effect.flip(silent.ask({ url })))
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(hung)).kind, "timeout")
      const refusing = yield* made(() => Effect.fail(new Rest.FetchFailed({ issue: "TypeError", cause: undefined })))
      const error = yield* Effect.flip(refusing.ask({ url }))
      assert.deepInclude(error, { kind: "network", issue: "TypeError" })
      assert.notInclude(error.message, "SECRET")
    })
  )

  it.live("the platform's fetch is bounded, aborted and typed", () =>
    Effect.gen(function* () {
      let aborted = 0
      const server = createServer((request, response) => {
        response.on("close", () => (response.writableFinished ? undefined : aborted++))
        if (request.url === "/hang") return void response.write("begun")
        response.setHeader("retry-after", "3")
        response.statusCode = request.url === "/busy" ? 429 : 200
        response.end("x".repeat(1000))
      })
      yield* Effect.acquireRelease(
        Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
        () => Effect.sync(() => server.close())
      )
      const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      const fetch = yield* Rest.Fetch
      const get = (path: string, maxBytes = 1000) => fetch({ method: "GET", url: base + path, maxBytes })
      assert.deepInclude(yield* get("/"), { status: 200, retryAfter: "3" })
      assert.strictEqual((yield* get("/busy")).status, 429)
      assert.strictEqual((yield* Effect.flip(get("/", 999))).issue, "the answer has more than 999 bytes")
      const hanging = yield* fork(get("/hang"))
      yield* Effect.callback<void>((resume) => void server.once("request", () => resume(Effect.void)))
      const gone = Effect.callback<void>((resume) => {
        const look = (): void => (aborted > 0 ? resume(Effect.void) : void setImmediate(look))
        look()
      })
      yield* Fiber.interrupt(hanging)
      yield* gone
      const nobody = yield* Effect.flip(fetch({ method: "GET", url: "http://127.0.0.1:1/", maxBytes: 1 }))
      assert.strictEqual(nobody._tag, "FetchFailed")
    }).pipe(Effect.scoped)
  )
})
