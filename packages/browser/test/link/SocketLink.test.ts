/**
 * Proves what a link makes of sockets that behave as real ones rarely do when a
 * test asks them to: an error that no close follows, ends told twice or too
 * late, a `send` or `close` that throws, a constructor that the page forbids.
 * The socket is a bare event target here; what real ones do is tested beside it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type * as Transport from "kharbranth/Transport"
import * as SocketLink from "../../src/internal/link/socketLink.ts"
import * as WriteMark from "../../src/internal/link/writeMark.ts"
import { Socket } from "../rig/bareSocket.ts"
import * as Recorder from "../rig/recorder.ts"

const dialing = Effect.fnUntraced(function* (
  more: { readonly dial?: Partial<Transport.Dial>; readonly diagnose?: BrowserTransport.Diagnosis } = {}
) {
  const socket = new Socket()
  const recorder = Recorder.make()
  /** How many messages had been heard when the end was told. */
  const heardBefore: Array<number> = []
  const receiver: Transport.Receiver = {
    ...recorder.receiver,
    ended: (error) => {
      heardBefore.push(recorder.record.frames.length)
      recorder.receiver.ended(error)
    }
  }
  const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
  const dial = Recorder.dialOf("wss://feed.example/ws", more.dial)
  const fiber = yield* SocketLink.dial(() => socket as unknown as WebSocket, more.diagnose)(dial, receiver).pipe(
    Scope.provide(scope),
    Effect.forkChild({ startImmediately: true })
  )
  return { socket, fiber, scope, heardBefore, ...recorder }
})

const opened = Effect.fnUntraced(function* (dial?: Partial<Transport.Dial>) {
  const { fiber, socket, ...rest } = yield* dialing(dial === undefined ? {} : { dial })
  socket.tell("open")
  return { socket, link: yield* Fiber.join(fiber), ...rest }
})

const tags = ({ ended }: Recorder.Record) => ended.map((end) => end._tag)

const microtask = Effect.promise(() => Promise.resolve())

/** A platform that can post tasks, while `use` runs; the tasks wait until they are run by hand. */
const withPostedTasks = <A, E, R>(use: (tasks: Array<() => void>) => Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const tasks: Array<() => void> = []
    const scheduler = { postTask: (task: () => void) => Promise.resolve(tasks.push(task)) }
    Object.defineProperty(globalThis, "scheduler", { value: scheduler, configurable: true })
    return use(tasks)
  }).pipe(Effect.ensuring(Effect.sync(() => Reflect.deleteProperty(globalThis, "scheduler"))))

describe("a socket's end", () => {
  it.effect("an error that no close follows - is the end, at once and once", () =>
    Effect.gen(function* () {
      const { record, socket } = yield* opened()
      socket.tell("error")
      assert.deepStrictEqual(tags(record), ["ConnectionDropped"])
      assert.strictEqual(socket.closes.length, 1)
      socket.tell("error")
      socket.tell("close", { code: 1006, reason: "", wasClean: false })
      assert.strictEqual(record.ended.length, 1)
    })
  )

  it.effect("an error that no close follows, while it is dialed - fails the dial", () =>
    Effect.gen(function* () {
      const { fiber, record, socket } = yield* dialing()
      socket.tell("error")
      assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "DialFailed", kind: "unknown" })
      assert.deepStrictEqual([record.ended.length, socket.listeners, socket.closes.length], [0, 0, 1])
    })
  )

  it.effect("a close told twice, and by the scope as well - is one end", () =>
    Effect.gen(function* () {
      const { record, scope, socket } = yield* opened()
      const close = { code: 4000, reason: "", wasClean: true }
      socket.tell("close", close)
      socket.tell("close", close)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(tags(record), ["ConnectionClosed"])
    })
  )

  it.effect("a close that is not clean - is ConnectionDropped, whatever its code", () =>
    Effect.gen(function* () {
      const { record, socket } = yield* opened()
      socket.tell("close", { code: 1000, reason: "", wasClean: false })
      assert.deepStrictEqual(tags(record), ["ConnectionDropped"])
    })
  )

  it.effect("after it - nothing is heard, nothing is written, and nothing listens", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* opened()
      socket.bufferedAmount = 5
      assert.strictEqual(link.buffered(), 5)
      link.terminate()
      assert.strictEqual(socket.listeners, 0)
      socket.say("between the verdict and the end")
      link.write(["no"])
      yield* microtask
      socket.say("after the end")
      link.write(["no"])
      link.close(1000, "")
      link.terminate()
      yield* microtask
      assert.deepStrictEqual([record.frames, tags(record), socket.sent], [[], ["ConnectionDropped"], []])
      assert.strictEqual(link.buffered(), 0)
    })
  )

  it.effect("while it closes - a second close and a write do nothing, and what still comes is heard", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* opened()
      link.close(1000, "bye")
      socket.readyState = 2
      link.close(3000, "again")
      link.write(["no"])
      socket.say("last")
      assert.deepStrictEqual(socket.closes, [[1000, "bye"]])
      assert.deepStrictEqual([socket.sent, record.frames], [[], ["last"]])
      socket.tell("close", { code: 1000, reason: "", wasClean: true })
      assert.deepInclude(record.ended[0], { _tag: "ConnectionClosed", sentCode: 1000, initiator: "client" })
    })
  )

  it.effect("a burst that still waits - is heard before it, in order", () =>
    withPostedTasks((tasks) =>
      Effect.gen(function* () {
        const { heardBefore, record, socket } = yield* opened()
        for (const text of ["a", "b", "c", "d"]) socket.say(text)
        assert.strictEqual(tasks.length, 1)
        assert.deepStrictEqual(record.frames, ["a", "b"])
        socket.tell("close", { code: 1000, reason: "", wasClean: true })
        assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
        assert.deepStrictEqual([heardBefore, tags(record)], [[4], ["ConnectionClosed"]])
        tasks.forEach((task) => task())
        assert.strictEqual(record.frames.length, 4)
      })
    )
  )
})

describe("a socket that throws", () => {
  it.effect("in send - WriteError, once and outside the call", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* opened()
      socket.refuses = true
      link.write(["one", "two"])
      link.write(["three"])
      assert.deepStrictEqual(tags(record), [])
      yield* microtask
      assert.deepStrictEqual(tags(record), ["WriteError"])
    })
  )

  it.effect("in close - is gone nevertheless", () =>
    Effect.gen(function* () {
      const { record, scope, socket } = yield* opened()
      socket.refuses = true
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual([tags(record), socket.listeners], [["ConnectionDropped"], 0])
    })
  )

  for (const [name, expected] of [
    ["SecurityError", { _tag: "InvalidOptions", path: ["target", "url"] }],
    ["SyntaxError", { _tag: "InvalidOptions", path: ["target", "url"] }],
    ["QuotaExceededError", { _tag: "DialFailed", kind: "local" }]
  ] as const) {
    it.effect(`in its constructor, ${name} - is ${expected._tag}`, () =>
      Effect.gen(function* () {
        const { receiver } = Recorder.make()
        const forbidden = SocketLink.dial(() => {
          throw new DOMException("no", name)
        }, undefined)
        const error = yield* Effect.flip(Effect.scoped(forbidden(Recorder.dialOf("wss://feed.example/ws"), receiver)))
        assert.deepInclude(error, expected)
      })
    )
  }
})

describe("what a socket does not announce", () => {
  it.effect("room to write - is also found when a message comes, so that slow timers do not matter", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* opened({ writeMark: { high: 100, low: 10 } })
      socket.bufferedAmount = 100
      link.write(["x"])
      socket.say("still full")
      assert.strictEqual(record.drained, 0)
      socket.bufferedAmount = 10
      // No time has passed on the clock.
      socket.say("room again")
      assert.strictEqual(record.drained, 1)
    })
  )

  it.effect("room to write - is watched for by one watcher, which ends with the link", () =>
    Effect.gen(function* () {
      const watchers: Array<Fiber.Fiber<void>> = []
      const run = Effect.runForkWith(yield* Effect.context<never>())
      const mark = WriteMark.make({
        high: 10,
        low: 1,
        buffered: () => 10,
        drained: () => {},
        run: (effect) => {
          const fiber = run(effect)
          watchers.push(fiber)
          return fiber
        }
      })
      mark.written()
      mark.written()
      yield* TestClock.adjust("1 second")
      mark.written()
      assert.deepStrictEqual([watchers.length, watchers[0]?.pollUnsafe()], [1, undefined])
      mark.stop()
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(watchers[0]!)))
    })
  )

  it.effect("every message - counts as a sign of life while it waits in a burst", () =>
    withPostedTasks(() =>
      Effect.gen(function* () {
        const { link, record, socket } = yield* opened()
        for (const text of ["a", "b", "c"]) socket.say(text)
        assert.deepStrictEqual([record.frames.length, link.received()], [2, 3])
      })
    )
  )
})

describe("a failed dial", () => {
  it.effect("is Unreachable if the diagnosis finds so", () =>
    Effect.gen(function* () {
      const diagnose = BrowserTransport.diagnosis(() => Effect.succeed({ _tag: "Unreachable" as const }))
      const { fiber, socket } = yield* dialing({ diagnose })
      socket.tell("close", { code: 1006, reason: "", wasClean: false })
      assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "DialFailed", kind: "unreachable" })
    })
  )

  it.effect("of a page that knows it is offline - asks nobody", () =>
    Effect.gen(function* () {
      Object.defineProperty(navigator, "onLine", { value: false, configurable: true })
      let asked = 0
      const diagnose = BrowserTransport.diagnosis(() => Effect.sync(() => void asked++))
      const { fiber, socket } = yield* dialing({ diagnose })
      socket.tell("error")
      assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "DialFailed", kind: "unreachable" })
      assert.strictEqual(asked, 0)
    }).pipe(Effect.ensuring(Effect.sync(() => Reflect.deleteProperty(navigator, "onLine"))))
  )
})
