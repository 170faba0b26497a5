// Proves that every orderly or abrupt end of a link is told apart and reported
// exactly once, whichever side caused it, and that a link does nothing afterwards.
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { connect, dialOf, recorder } from "../support/client.ts"
import { assertFields } from "../support/fields.ts"
import { closed, serve } from "../support/wsServer.ts"

describe("Ending", () => {
  it.live("close - by us: the server sees code and reason, the end says who and what", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const seen = yield* Effect.forkChild(closed(ws), { startImmediately: true })
      link.close(4_001, "bye")
      const error = yield* receiver.end
      assertFields(error, { _tag: "ConnectionClosed", code: 4_001, sentCode: 4_001, initiator: "client" })
      assert.deepStrictEqual(yield* Fiber.join(seen), [4_001, "bye"])
    })
  )

  it.live("close - a reason of more than 123 bytes is cut between characters", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const wait = closed(ws)
      link.close(1_000, "€".repeat(100))
      const [code, reason] = yield* wait
      assert.deepStrictEqual([code, reason], [1_000, "€".repeat(41)])
    })
  )

  it.live("close - a code that may not be sent closes without one", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const wait = closed(ws)
      link.close(1_006, "")
      assert.deepStrictEqual(yield* wait, [1_005, ""])
      const error = yield* receiver.end
      assertFields(error, { _tag: "ConnectionClosed", code: 1_005, sentCode: undefined, initiator: "client" })
    })
  )

  it.live("close - by the server: code, redacted reason, echo", () =>
    Effect.gen(function* () {
      const server = yield* serve((ws) => {
        ws.send("last words")
        ws.close(1_012, "restart")
      })
      const { receiver } = yield* connect(server.url)
      const error = yield* receiver.end
      assertFields(error, { _tag: "ConnectionClosed", code: 1_012, sentCode: 1_012, initiator: "server" })
      if (error._tag === "ConnectionClosed") assert.strictEqual(Redacted.value(error.reason), "restart")
      assert.deepStrictEqual(
        receiver.calls.map(({ call }) => call),
        ["frame", "ended"]
      )
    })
  )

  it.live("close - works while paused", () =>
    Effect.gen(function* () {
      const server = yield* serve((ws) => ws.send("unread"))
      const { link, receiver } = yield* connect(server.url)
      link.pause()
      link.close(1_000, "")
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionClosed")
    })
  )

  it.live("terminate - ends with ConnectionDropped, also while paused, and everything after is a no-op", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      link.pause()
      link.terminate()
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionDropped")
      link.write(["x"])
      link.ping(new Uint8Array(0))
      link.pause()
      link.resume()
      link.close(1_000, "")
      link.terminate()
      assert.strictEqual(link.buffered(), 0)
      assert.strictEqual(receiver.calls.filter(({ call }) => call === "ended").length, 1)
    })
  )

  it.live("scope - closing it terminates the link", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const scope = yield* Scope.make()
      const receiver = recorder()
      yield* Scope.provide(NodeTransport.make({ proxy: false }).dial(dialOf(server.url), receiver), scope)
      const { ws } = yield* server.peer()
      const wait = closed(ws)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* wait)[0], 1_006)
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionDropped")
    })
  )

  it.live("write - while another side closes, nothing throws and the end is reported once", () =>
    Effect.gen(function* () {
      const server = yield* serve((ws) => ws.terminate())
      const { link, receiver } = yield* connect(server.url)
      const error = yield* receiver.end
      link.write(["late", new Uint8Array(1)])
      assert.include(["ConnectionDropped", "WriteError"], error._tag)
      assert.strictEqual(receiver.calls.filter(({ call }) => call === "ended").length, 1)
    })
  )

  it.live("write - an oversize ping is a WriteError, not a throw", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      link.ping(new Uint8Array(126))
      assert.strictEqual((yield* receiver.end)._tag, "WriteError")
    })
  )
})
