/**
 * Proves a connection as an Effect `Socket`: one acquisition of its reader is
 * one session, whose end is told after everything that came by it; writes wait
 * out an outage and can be withdrawn; a close event, a reader that comes back
 * and a connection that gave up behave as the documentation says.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as EffectSocket from "effect/socket/Socket"
import * as TestClock from "effect/testing/TestClock"
import * as Connection from "kharbranth/Connection"
import * as Socket from "kharbranth/interop/Socket"
import type { Frame } from "kharbranth/Message"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const url = "wss://feed.example/ws"

const rig = (options: Partial<Pick<Connection.Options<any, string, never>, "reconnect" | "rotate">> = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const heard: Array<Frame> = []
    const server = yield* network.serve(url, (peer) => peer.listen({ frame: (frame) => void heard.push(frame) }))
    const connection = yield* network.provide(
      Connection.make("feed", { target: url, reconnect: Reconnect.prompt, ...options })
    )
    const socket = yield* Socket.fromConnection(connection)
    const { write, writeAll } = yield* socket.writer
    return { network, server, heard, connection, socket, write, writeAll, peer: yield* server.accepted }
  }).pipe(Effect.provide(Logger.layer([])))

/** Acquires the reader in a scope of its own. */
const acquire = (socket: EffectSocket.Socket) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const { pull, upgrade } = yield* Scope.provide(socket.reader, scope)
    return { pull, upgrade, leave: Scope.close(scope, Exit.void) }
  })

const reasonOf = (error: EffectSocket.SocketError): string =>
  error.reason._tag === "SocketCloseError" ? `closed ${error.reason.code}` : error.reason._tag

/** Runs something that takes (virtual) time. */
const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkScoped(effect)
    yield* TestClock.adjust("20 seconds")
    return yield* Fiber.join(fiber)
  })

describe("interop/Socket.fromConnection", () => {
  it.effect("carries text and bytes both ways", () =>
    Effect.gen(function* () {
      const { heard, peer, socket, write, writeAll } = yield* rig()
      const { pull, upgrade } = yield* acquire(socket)
      yield* write("one")
      yield* writeAll(["two", new Uint8Array([3])])
      yield* peer.send(["uno", new Uint8Array([2])])
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(heard, ["one", "two", new Uint8Array([3])])
      assert.deepStrictEqual(yield* pull, ["uno", new Uint8Array([2])])
      assert.strictEqual(reasonOf(yield* Effect.flip(upgrade())), "SocketUpgradeError")
    })
  )

  it.effect("gives all that came by a session, then its end, then the next session", () =>
    Effect.gen(function* () {
      const { peer, server, socket } = yield* rig()
      const first = yield* acquire(socket)
      yield* peer.send(["a", "b"])
      yield* TestClock.adjust(1)
      yield* peer.send(["c"])
      yield* peer.close(1012)
      yield* TestClock.adjust(1)
      const frames: Array<Frame> = []
      const drain = Effect.forever(Effect.map(first.pull, (more) => frames.push(...more)))
      assert.strictEqual(reasonOf(yield* Effect.flip(drain)), "closed 1012")
      assert.deepStrictEqual(frames, ["a", "b", "c"])
      assert.strictEqual(reasonOf(yield* Effect.flip(first.pull)), "closed 1012")
      yield* first.leave
      const second = yield* within(acquire(socket))
      yield* (yield* server.accepted).send("d")
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* second.pull, ["d"])
    })
  )

  it.effect("fails a pull that waits when the session is cut, at once", () =>
    Effect.gen(function* () {
      const { network, socket } = yield* rig()
      const { pull } = yield* acquire(socket)
      const waiting = yield* Effect.forkScoped(Effect.flip(pull), { startImmediately: true })
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust(1)
      assert.strictEqual(reasonOf(yield* Fiber.join(waiting)), "closed 1006")
    })
  )

  it.effect("fails a pull that waits when its scope closes", () =>
    Effect.gen(function* () {
      const { socket } = yield* rig()
      const { leave, pull } = yield* acquire(socket)
      const waiting = yield* Effect.forkScoped(Effect.flip(pull), { startImmediately: true })
      yield* leave
      assert.strictEqual(reasonOf(yield* Fiber.join(waiting)), "closed 1006")
    })
  )

  it.effect("ends a session that is rotated away, and keeps what the next one brought", () =>
    Effect.gen(function* () {
      const { connection, peer, server, socket } = yield* rig()
      const first = yield* acquire(socket)
      yield* connection.restart({ mode: "makeFirst" })
      yield* peer.send("old")
      yield* (yield* server.accepted).send("new")
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* first.pull, ["old"])
      assert.strictEqual(reasonOf(yield* Effect.flip(first.pull)), "closed 1000")
      yield* first.leave
      const second = yield* acquire(socket)
      assert.deepStrictEqual(yield* second.pull, ["new"])
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 2)
    })
  )

  it.effect("gives a reader that left a live session another one when it comes back", () =>
    Effect.gen(function* () {
      const { connection, socket } = yield* rig()
      const first = yield* acquire(socket)
      yield* first.leave
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 1)
      yield* within(acquire(socket))
      const state = connection.state.getUnsafe()
      assert.deepStrictEqual([state._tag, "epoch" in state && state.epoch], ["Connected", 2])
    })
  )

  it.effect("holds a write through an outage, and withdraws it when its writer gives up", () =>
    Effect.gen(function* () {
      const { heard, network, write } = yield* rig()
      const refuse = Fault.refuse()
      yield* network.inject(refuse)
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust(1)
      const kept = yield* Effect.forkScoped(write("kept"), { startImmediately: true })
      const withdrawn = yield* Effect.forkScoped(write("withdrawn"), { startImmediately: true })
      yield* TestClock.adjust("40 seconds")
      yield* Fiber.interrupt(withdrawn)
      yield* network.lift(refuse)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(kept)
      assert.deepStrictEqual(heard, ["kept"])
    })
  )

  it.effect("ends the session for a close event, and dials again for the next reader", () =>
    Effect.gen(function* () {
      const { connection, socket, write } = yield* rig()
      const { leave, pull } = yield* acquire(socket)
      yield* write(new EffectSocket.CloseEvent(4000))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(reasonOf(yield* Effect.flip(pull)), "closed 1000")
      yield* leave
      yield* TestClock.adjust("1 hour")
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 1)
      yield* within(acquire(socket))
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("tells why it cannot be read: given up, closed, or read by somebody else", () =>
    Effect.gen(function* () {
      const { connection, network, socket, write } = yield* rig()
      const { leave, pull } = yield* acquire(socket)
      const busy = yield* Effect.flip(acquire(socket))
      assert.propertyVal("cause" in busy.reason ? busy.reason.cause : undefined, "_tag", "ReaderBusy")
      yield* leave
      yield* network.inject(Fault.reject({ status: 404 }))
      yield* network.inject(Fault.reset())
      yield* TestClock.adjust("20 seconds")
      const { reason } = yield* Effect.flip(acquire(socket))
      assert.strictEqual(reason._tag, "SocketOpenError")
      assert.propertyVal("cause" in reason ? reason.cause : undefined, "_tag", "HandshakeRejected")
      yield* connection.close
      assert.strictEqual(reasonOf(yield* Effect.flip(write("late"))), "SocketWriteError")
      assert.strictEqual(reasonOf(yield* Effect.flip(pull)), "closed 1006")
    })
  )

  it.effect("layer - provides the service, and closes with its connection", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      yield* network.serve(url, TestNetwork.echo)
      const frames = yield* Effect.gen(function* () {
        const socket = yield* EffectSocket.Socket
        const { pull } = yield* socket.reader
        yield* (yield* socket.writer).write("echo")
        yield* TestClock.adjust(1)
        return yield* pull
      }).pipe(Effect.scoped, Effect.provide(Socket.layer(Connection.make("echo", { target: url }))), network.provide)
      assert.deepStrictEqual(frames, ["echo"])
    })
  )
})
