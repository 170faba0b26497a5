// Proves what a tracer sees of a connection: one span for each session, which is the parent of what the user's
// effects trace on the way to Ready, ends with the session, and is not there without a tracer.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Connection from "../../src/Connection.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://feed.example/"

const recording = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, tracer }
}

const named = (spans: ReadonlyArray<Tracer.NativeSpan>, name: string) => spans.filter((span) => span.name === name)

const parentOf = (span: Tracer.NativeSpan) => Option.getOrUndefined(span.parent)?.spanId

const options = {
  target: { url: Effect.withSpan(Effect.succeed(url), "the url") },
  onOpen: () => Effect.withSpan(Effect.void, "the opening"),
  hooks: { onOpen: () => Effect.withSpan(Effect.void, "a hook") }
}

describe("tracing", () => {
  it.effect("a session's span is the parent of what its target and its opening trace", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        yield* connection.restart()
        yield* TestClock.adjust("1 second")
        const sessions = named(spans, "kharbranth.session")
        assert.deepStrictEqual(
          sessions.map(({ attributes }) => Object.fromEntries(attributes)),
          [
            { connection: "feed", epoch: 1, attempt: 1 },
            { connection: "feed", epoch: 2, attempt: 1 }
          ]
        )
        assert.deepStrictEqual(
          sessions.map(({ status }) => status._tag),
          ["Ended", "Started"]
        )
        const ids = sessions.map(({ spanId }) => spanId)
        for (const child of ["the url", "the opening"]) assert.deepStrictEqual(named(spans, child).map(parentOf), ids)
        // Hooks run beside the sessions, in the order of all frames.
        assert.notInclude(named(spans, "a hook").map(parentOf), ids[0])
        yield* connection.close
        assert.strictEqual(sessions[1]?.status._tag, "Ended")
      }).pipe(network.provide, Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
    }).pipe(Effect.scoped)
  )

  it.effect("a session hangs below the span that its connection was made in", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      yield* Connection.make("feed", options).pipe(
        Effect.withSpan("the program"),
        network.provide,
        Effect.scoped,
        Effect.provideService(Tracer.Tracer, tracer)
      )
      const [program] = named(spans, "the program")
      const [session] = named(spans, "kharbranth.session")
      if (program === undefined || session === undefined) return assert.fail("both are traced")
      assert.strictEqual(parentOf(session), program.spanId)
      assert.deepStrictEqual(named(spans, "the opening").map(parentOf), [session.spanId])
    }).pipe(Effect.scoped)
  )

  it.effect("without a tracer there is no span, so nothing is anybody's child", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      const seen: Array<unknown> = []
      const onOpen = () => Effect.map(Effect.option(Effect.currentParentSpan), (parent) => seen.push(parent))
      yield* network.provide(Connection.make("feed", { target: url, onOpen }))
      assert.deepStrictEqual(seen, [Option.none()])
    }).pipe(Effect.scoped)
  )
})
