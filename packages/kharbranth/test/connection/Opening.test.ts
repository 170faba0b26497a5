/**
 * Proves the edges of what runs before and beside a connection's one reader: how
 * an opening program fails and what its session refuses, that a hook which
 * throws harms nobody, and how a fan-out treats slow readers, its end and its
 * options.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type * as Session from "kharbranth/Session"
import type { ConnectionError } from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as TestServer from "kharbranth/testing/TestServer"
import { settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

type OnOpen = (session: Session.Session<unknown, unknown>) => Effect.Effect<unknown, unknown>

const rig = (onOpen?: OnOpen, reconnect = Reconnect.prompt) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const server = yield* network.serve(url, (peer) => peer.send(['"welcome"', '"two"']))
    const made = yield* network.provide(
      Effect.exit(Connection.make("feed", { target: url, codec: Codec.json, reconnect, onOpen }))
    )
    return { made, network, server }
  }).pipe(Effect.provide(Logger.layer([])))

const failureOf = (onOpen: OnOpen) =>
  Effect.gen(function* () {
    const { made } = yield* rig(onOpen, Reconnect.none)
    return yield* Effect.flip(made)
  })

describe("a connection that is not Ready in time", () => {
  it.effect("names the last error, also while a later dial is under way", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      let dials = 0
      yield* network.serve(url, undefined, {
        answer: () => Effect.sync(() => (++dials === 1 ? TestServer.refuse() : TestServer.hang))
      })
      const made = yield* network.provide(
        Connection.make("feed", { target: url, reconnect: Reconnect.prompt, startupTimeout: "5 seconds" }).pipe(
          Effect.flip,
          Effect.forkScoped
        )
      )
      yield* TestClock.adjust("6 seconds")
      const error = yield* Fiber.join(made)
      assert.strictEqual(dials, 2)
      assert.strictEqual(error._tag === "StartupTimeout" && error.last?._tag, "DialFailed")
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("an opening program", () => {
  it.effect("that fails, dies or interrupts itself is OpenFailed; an error of the connection's own passes", () =>
    Effect.gen(function* () {
      const issues: ReadonlyArray<readonly [OnOpen, RegExp]> = [
        [() => Effect.fail("no"), /it failed/],
        [() => Effect.die("no"), /it died/],
        [() => Effect.interrupt, /it interrupted itself/]
      ]
      for (const [onOpen, issue] of issues) {
        const error = yield* failureOf(onOpen)
        assert.strictEqual(error._tag, "OpenFailed")
        assert.match(error.message, issue)
      }
      const circular: Record<string, unknown> = {}
      circular["self"] = circular
      assert.strictEqual((yield* failureOf((session) => session.send(circular)))._tag, "EncodeError")
    })
  )

  it.effect("takes what came while it looked for something else", () =>
    Effect.gen(function* () {
      const taken: Array<unknown> = []
      const take = (session: Session.Session<unknown, unknown>, message: string) =>
        Effect.map(
          session.receive((one) => one === message),
          (one) => taken.push(one)
        )
      const { made } = yield* rig((session) => Effect.andThen(take(session, "two"), take(session, "welcome")))
      yield* made
      assert.deepStrictEqual(taken, ["two", "welcome"])
    })
  )

  it.effect("takes what it picks; a pick that throws picks nothing, and all else goes to the reader", () =>
    Effect.gen(function* () {
      let taken: unknown
      const { made } = yield* rig((session) =>
        Effect.tap(
          session.receive((message) => {
            if (message === "welcome") throw new Error("not this one")
            return true
          }),
          (message) => Effect.sync(() => (taken = message))
        )
      )
      const connection = yield* made
      assert.strictEqual(taken, "two")
      assert.strictEqual(yield* connection.receive, "welcome")
    })
  )

  it.effect("a frame that does not decode during it ends the connection, or is passed over and counted", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      yield* network.serve(url, (peer) => peer.send(["{", '"two"']))
      const throwing: Codec.Codec<unknown, unknown> = {
        encode: Codec.json.encode,
        decoder: () => ({
          decode: () => {
            throw new Error("a bug")
          },
          onBadFrame: Codec.fail
        })
      }
      const made = (codec: Codec.Codec<unknown, unknown>) =>
        network.provide(
          Connection.make("feed", {
            target: url,
            codec,
            reconnect: Reconnect.none,
            onOpen: (session) => session.receive((one) => one === "two")
          })
        )
      for (const codec of [Codec.json, throwing])
        assert.strictEqual((yield* Effect.flip(made(codec)))._tag, "DecodeError")
      const connection = yield* made(Codec.skipErrors(Codec.json))
      assert.deepStrictEqual((yield* Connection.metrics(connection)).dropped, { undecodable: 1 })
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("a codec that makes no decoder ends the connection, and its scope closes", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      yield* network.serve(url)
      const makers: ReadonlyArray<() => Codec.Decoder<unknown>> = [
        () => {
          throw new Error("a bug")
        },
        () => undefined as never
      ]
      for (const decoder of makers) {
        const codec = { encode: Codec.json.encode, decoder }
        const error = yield* Effect.flip(
          Effect.scoped(network.provide(Connection.make("feed", { target: url, codec })))
        )
        assert.strictEqual(error._tag, "DecodeError")
        const state = yield* Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* network.provide(
              Connection.make("feed", { target: url, codec, startup: "background" })
            )
            return connection.state.getUnsafe()
          })
        )
        assert.strictEqual(state._tag, "Failed")
      }
    }).pipe(Effect.provide(Logger.layer([])))
  )

  it.effect("has a session that is of no use afterwards", () =>
    Effect.gen(function* () {
      let kept: Session.Session<unknown, unknown> | undefined
      const { made } = yield* rig((session) => Effect.sync(() => (kept = session)))
      const connection = yield* made
      assert.strictEqual(kept?.protocol, "")
      const past = yield* Effect.flip(kept!.receive())
      assert.match(past.message, /past its opening/)
      yield* Effect.forkScoped(connection.close)
      yield* TestClock.adjust("10 seconds")
      for (const use of [kept!.receive(), kept!.send(1)]) {
        const over: ConnectionError = yield* Effect.flip(use)
        assert.match(over.message, /session is over/)
      }
    })
  )
})

describe("a hook", () => {
  it.effect("that throws instead of giving a program has failed; the message still comes", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      yield* network.serve(url, TestNetwork.echo)
      const connection = yield* network.provide(
        Connection.make("feed", {
          target: url,
          codec: Codec.text,
          hooks: {
            onText: () => {
              throw new Error("no program")
            }
          }
        })
      )
      const failed = yield* Effect.forkScoped(
        connection.events.pipe(
          Stream.filter(({ _tag }) => _tag === "HookFailed"),
          Stream.runHead
        ),
        { startImmediately: true }
      )
      yield* connection.send("hello")
      assert.strictEqual(yield* connection.receive, "hello")
      assert.deepStrictEqual(Option.getOrThrow(yield* Fiber.join(failed)), {
        _tag: "HookFailed",
        epoch: 1,
        hook: "onText"
      })
    }).pipe(Effect.provide(Logger.layer([])))
  )
})

describe("broadcast", () => {
  const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => `${from + index}`)

  const fanned = (options?: Connection.BroadcastOptions) =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ seed: 1 })
      const server = yield* network.serve(url, () => Effect.void)
      const connection = yield* network.provide(Connection.make("feed", { target: url, codec: Codec.text }))
      const stream = yield* Connection.broadcast(connection, options)
      yield* settle
      return { connection, stream, peer: yield* server.accepted }
    })

  it.effect("gives every reader everything, and is the connection's one reader", () =>
    Effect.gen(function* () {
      const { connection, peer, stream } = yield* fanned()
      const readers = yield* Effect.forEach([1, 2, 3], () =>
        Effect.forkScoped(Stream.runCollect(Stream.take(stream, 5)), { startImmediately: true })
      )
      yield* peer.send(numbers(1, 5))
      yield* settle
      for (const reader of readers) assert.deepStrictEqual(yield* Fiber.join(reader), numbers(1, 5))
      assert.strictEqual((yield* Effect.flip(connection.receive))._tag, "ReaderBusy")
    })
  )

  it.effect("waits for the slowest, or lets it lose its oldest", () =>
    Effect.gen(function* () {
      for (const strategy of ["suspend", "dropOldest"] as const) {
        const { peer, stream } = yield* fanned({ capacity: 2, strategy })
        const slow: Array<string> = []
        const read = Stream.runForEach(stream, (message) =>
          Effect.andThen(
            Effect.sync(() => slow.push(message)),
            Effect.sleep("1 second")
          )
        )
        yield* Effect.forkScoped(read, { startImmediately: true })
        for (const message of numbers(1, 10)) {
          yield* peer.send(message)
          yield* settle
        }
        yield* TestClock.adjust("1 minute")
        yield* settle
        yield* TestClock.adjust("1 minute")
        if (strategy === "suspend") assert.deepStrictEqual(slow, numbers(1, 10))
        else {
          assert.isBelow(slow.length, 10)
          assert.deepStrictEqual(slow.slice(-2), ["9", "10"])
        }
      }
    })
  )

  it.effect("ends with the connection, and wants a capacity that makes sense", () =>
    Effect.gen(function* () {
      const { connection, stream } = yield* fanned()
      const reader = yield* Effect.forkScoped(Stream.runDrain(stream), { startImmediately: true })
      yield* Effect.forkScoped(connection.close)
      yield* TestClock.adjust("10 seconds")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(reader)))
      for (const capacity of [0, 1.5]) {
        assert.strictEqual((yield* Effect.flip(Connection.broadcast(connection, { capacity })))._tag, "InvalidOptions")
      }
    })
  )
})
