// Proves what the keys of an overlap do and for how long: what both sessions deliver is read once, also when the
// successor is behind, and afterwards, or when no overlap came of it, a key that comes back is a message of its own.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import type * as Session from "../../src/Session.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

const url = "wss://feed.example/ws"

const readingWith = (onOpen: (session: Session.Session<string, string>) => Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, () => Effect.never)
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: url,
        codec: Codec.text,
        reconnect: Reconnect.prompt,
        rotate: { dedupe: (text) => text },
        onOpen
      })
    )
    const read: Array<string> = []
    yield* connection.stream.pipe(
      Stream.runForEach((text) => Effect.sync(() => read.push(text))),
      Effect.forkScoped
    )
    return { connection, server, read }
  })

const later = TestClock.adjust("100 millis")
const muchLater = TestClock.adjust("20 seconds")

describe("Rotation", () => {
  it.effect("reads once what both sessions deliver, and again what comes after", () =>
    Effect.gen(function* () {
      const { connection, read, server } = yield* readingWith(() => Effect.void)
      const old = yield* server.accepted
      yield* connection.restart({ mode: "makeFirst" })
      const successor = yield* server.accepted
      yield* old.send(["a", "b"])
      yield* successor.send(["a", "c"])
      yield* later
      assert.deepStrictEqual(read, ["a", "b"], "the overlap lasts, the old session delivers")
      yield* TestClock.adjust("200 millis")
      yield* successor.send("b")
      yield* later
      assert.deepStrictEqual(read, ["a", "b", "c"], "the successor was behind")
      yield* muchLater
      yield* successor.send(["a", "b"])
      yield* later
      assert.deepStrictEqual(read, ["a", "b", "c", "a", "b"])
    })
  )

  it.effect("forgets the keys of a rotation whose successor failed", () =>
    Effect.gen(function* () {
      const { connection, read, server } = yield* readingWith(({ epoch }) => (epoch === 2 ? Effect.never : Effect.void))
      const old = yield* server.accepted
      const rotation = yield* Effect.forkScoped(Effect.exit(connection.restart({ mode: "makeFirst" })))
      yield* later
      const successor = yield* server.accepted
      yield* old.send("a")
      yield* later
      yield* successor.reset
      yield* Fiber.join(rotation)
      yield* muchLater
      yield* connection.restart({ mode: "breakFirst" })
      yield* (yield* server.accepted).send("a")
      yield* later
      assert.deepStrictEqual(read, ["a", "a"])
    })
  )

  it.effect("forgets them when the old session dies and its successor stands in", () =>
    Effect.gen(function* () {
      const { connection, read, server } = yield* readingWith(({ epoch }) =>
        epoch === 2 ? Effect.sleep("5 seconds") : Effect.void
      )
      const old = yield* server.accepted
      yield* Effect.forkScoped(Effect.exit(connection.restart({ mode: "makeFirst" })))
      yield* later
      const successor = yield* server.accepted
      yield* old.send("a")
      yield* later
      yield* old.reset
      yield* TestClock.adjust("1 second")
      yield* successor.send(["a", "b"])
      yield* TestClock.adjust("4 seconds")
      assert.deepStrictEqual(read, ["a", "b"], "it was delivered by the old session already")
      yield* muchLater
      yield* successor.send("a")
      yield* later
      assert.deepStrictEqual(read, ["a", "b", "a"])
    })
  )
})
