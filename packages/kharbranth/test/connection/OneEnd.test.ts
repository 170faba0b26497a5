/** Proves that who holds only the stream or the sink of a connection sees its state, and sees it change. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

const url = "wss://echo.example/"

describe("one end of a connection", () => {
  it.effect("tells the state of the connection, and still does its work", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, TestNetwork.echo)
      const { close, entries, pause, sink, state, stream } = yield* network.provide(
        Connection.make("echo", { target: url, codec: Codec.text })
      )
      yield* Stream.run(Stream.make("a", "b"), sink)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(stream, 2)), ["a", "b"])
      for (const end of [stream, entries, sink]) assert.strictEqual(end.state, state)
      const changes = yield* Effect.forkChild(
        sink.state.changes.pipe(
          Stream.map(({ _tag }) => _tag),
          Stream.takeUntil((tag) => tag === "Disconnected"),
          Stream.runCollect
        ),
        { startImmediately: true }
      )
      yield* pause
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(changes), ["Connected", "Disconnected"])
      yield* close
      assert.deepStrictEqual(stream.state.getUnsafe(), { _tag: "Disconnected", reason: "Closed" })
    })
  )
})
