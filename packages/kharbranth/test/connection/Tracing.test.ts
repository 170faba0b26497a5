// Proves what a tracer sees of a connection: one span for each dial, which is the parent of what the user's effects
// trace on the way to Ready, ends there or with the failure, is linked to the dial before it, and is not there without
// a tracer.
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import * as Connection from "../../src/Connection.ts"
import { DialTimeout } from "../../src/ConnectionError.ts"
import * as Fault from "../../src/testing/Fault.ts"
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

const linksOf = (span: Tracer.NativeSpan) => span.links.map((link) => link.span.spanId)

const options = {
  target: { url: Effect.withSpan(Effect.succeed(url), "the url") },
  onOpen: () => Effect.withSpan(Effect.void, "the opening"),
  hooks: { onOpen: () => Effect.withSpan(Effect.void, "a hook") }
}

describe("tracing", () => {
  it.effect("a dial's span is the parent of what its target and its opening trace, and ends when it is Ready", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", options)
        yield* connection.restart()
        yield* TestClock.adjust("1 second")
        const dials = named(spans, "kharbranth.dial")
        const common = { "kharbranth.connection": "feed", "kharbranth.attempt": 1, "kharbranth.endpoint": 0 }
        assert.deepStrictEqual(
          dials.map(({ attributes }) => Object.fromEntries(attributes)),
          [
            { ...common, "kharbranth.epoch": 1 },
            { ...common, "kharbranth.epoch": 2 }
          ]
        )
        assert.deepStrictEqual(
          dials.map(({ status }) => status._tag === "Ended" && status.exit._tag),
          ["Success", "Success"]
        )
        const ids = dials.map(({ spanId }) => spanId)
        assert.deepStrictEqual(dials.map(linksOf), [[], [ids[0]]])
        for (const child of ["the url", "the opening"]) assert.deepStrictEqual(named(spans, child).map(parentOf), ids)
        // Hooks run beside the sessions, in the order of all frames.
        assert.notInclude(named(spans, "a hook").map(parentOf), ids[0])
      }).pipe(network.provide, Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
    }).pipe(Effect.scoped)
  )

  it.effect("a dial that fails shows by what, and a deadline is no mere interruption", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      const [refuse, hang] = [Fault.refuse(), Fault.hang()]
      yield* network.inject(refuse)
      yield* Effect.gen(function* () {
        const connection = yield* Connection.make("feed", { target: url, startup: "background" })
        yield* TestClock.adjust("1 millis")
        yield* network.lift(refuse)
        yield* TestClock.adjust("4 seconds")
        yield* network.inject(hang)
        yield* Effect.forkChild(connection.restart())
        yield* TestClock.adjust("9 seconds")
        yield* network.lift(hang)
        yield* TestClock.adjust("20 seconds")
        yield* connection.awaitReady
        const dials = named(spans, "kharbranth.dial")
        assert.deepStrictEqual(
          dials.map(({ attributes }) => attributes.get("error.type")),
          ["DialFailed", undefined, "DialTimeout", undefined]
        )
        assert.deepStrictEqual(
          dials.slice(1).map(linksOf),
          dials.slice(0, -1).map(({ spanId }) => [spanId])
        )
        const failure = dials[2]?.status
        assert(failure?._tag === "Ended" && failure.exit._tag === "Failure")
        assert.instanceOf(Cause.squash(failure.exit.cause), DialTimeout)
      }).pipe(network.provide, Effect.scoped, Effect.provideService(Tracer.Tracer, tracer))
    }).pipe(Effect.scoped)
  )

  it.effect("the first dial hangs below the span that its connection was made in, later ones do not", () =>
    Effect.gen(function* () {
      const { spans, tracer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(url)
      yield* Effect.withSpan(Connection.make("feed", options), "the program").pipe(
        Effect.flatMap((connection) => connection.restart()),
        network.provide,
        Effect.scoped,
        Effect.provideService(Tracer.Tracer, tracer)
      )
      const [program] = named(spans, "the program")
      const dials = named(spans, "kharbranth.dial")
      assert.deepStrictEqual(dials.map(parentOf), [program?.spanId, undefined])
      assert.isDefined(program)
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
