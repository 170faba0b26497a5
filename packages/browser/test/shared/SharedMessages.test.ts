/**
 * Proves what tabs on one socket make of things that a real browser does only
 * now and then: messages that are lost, late, forged or of another term, a lock
 * that is refused or stolen during a dial, a tab that slept itself, a socket
 * that speaks and ends in one breath. The socket is scripted and the clock
 * stands; locks and channels are the platform's own, with an ear at each.
 */
import { assert, describe, it } from "@effect/vitest"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as Transport from "kharbranth/Transport"
import * as LinkErrors from "../../src/internal/link/linkErrors.ts"
import * as Recorder from "../rig/recorder.ts"
import { browser, intrude, led, makeEnvironment, passed } from "../rig/scriptedTabs.ts"
import { settled } from "../rig/turns.ts"

const tags = ({ ended }: Recorder.Record) => ended.map((end) => end._tag)

describe("frames between tabs", () => {
  it.effect("a message that is lost - ends that follower's link, which hears nothing beyond the hole", () =>
    Effect.gen(function* () {
      const { others, socket } = yield* led(2)
      const [deaf, other] = others
      deaf!.ears.loses = (message) => message.kind === "frames" && message.frames[0] === "b"
      for (const text of ["a", "b", "c"]) {
        socket.say(text)
        yield* other!.until(({ frames }) => frames.at(-1) === text)
      }
      yield* deaf!.until(({ ended }) => ended.length > 0)
      assert.deepStrictEqual([deaf!.record.frames, tags(deaf!.record)], [["a"], ["ConnectionDropped"]])
      assert.deepStrictEqual([other!.record.frames, tags(other!.record)], [["a", "b", "c"], []])
    })
  )

  it.effect("frames in the same breath as the end - come before it", () =>
    Effect.gen(function* () {
      const { others, socket } = yield* led(1)
      socket.say("one", "two")
      socket.receiver.ended(LinkErrors.dropped(Recorder.dialOf("wss://feed.example/ws")))
      const { frames } = yield* others[0]!.until(({ ended }) => ended.length > 0)
      assert.deepStrictEqual(frames, ["one", "two"])
    })
  )

  it.effect("a follower that takes less - leaves alone, with MessageTooLarge", () =>
    Effect.gen(function* () {
      const { leading, others, socket } = yield* led(1, { maxMessageSize: 3 })
      socket.say("abc", "abcd", "abc")
      const { ended, frames } = yield* others[0]!.until(({ ended }) => ended.length > 0)
      assert.deepStrictEqual(frames, ["abc"])
      assert.deepInclude(ended[0], { _tag: "MessageTooLarge", size: 4, max: 3 })
      assert.deepStrictEqual([leading.record.frames.length, tags(leading.record)], [3, []])
    })
  )

  it.effect("a view of many bytes - travels alone, both ways", () =>
    Effect.gen(function* () {
      const { others, socket } = yield* led(1)
      const view = new Uint8Array(100_000).fill(7).subarray(10, 13)
      others[0]!.link.write([view])
      socket.say(view)
      yield* settled(() => socket.written.length === 1)
      yield* others[0]!.until(({ frames }) => frames.length === 1)
      for (const frame of [socket.written[0], others[0]!.record.frames[0]]) {
        assert.deepStrictEqual(frame, new Uint8Array([7, 7, 7]))
        assert.strictEqual((frame as Uint8Array).buffer.byteLength, 3)
      }
    })
  )

  it.effect("nobody follows any more - nothing is posted", () =>
    Effect.gen(function* () {
      const { leader, others, socket } = yield* led(1)
      others[0]!.link.close(1000, "")
      yield* settled(() => leader.heard.includes("leave"))
      socket.say("to nobody")
      yield* Effect.promise(() => Promise.resolve())
      assert.notInclude(leader.posted, "frames")
    })
  )

  it.effect("a follower's writes - stay on its books until the leader's full socket has drained", () =>
    Effect.gen(function* () {
      const { others, socket } = yield* led(1)
      const [{ link, record, until }] = others as [(typeof others)[0]]
      socket.buffered = 65_536
      link.write([new Uint8Array(70_000)])
      yield* settled(() => socket.written.length === 1)
      // Whatever the leader had to say about the write comes before this.
      socket.say("after it")
      yield* until(({ frames }) => frames.length === 1)
      assert.deepStrictEqual([link.buffered(), record.drained], [70_000, 0])
      socket.buffered = 0
      socket.receiver.drained()
      yield* until(({ drained }) => drained === 1)
      assert.strictEqual(link.buffered(), 0)
    })
  )
})

describe("what else is on the channel", () => {
  it.effect("anything that is no message, or of another term - changes nothing", () =>
    Effect.gen(function* () {
      const { leader, leading, others, socket } = yield* led(1)
      const term = "another"
      yield* intrude(leader.names[0]!, [
        null,
        5,
        "text",
        { kind: 7 },
        { kind: "unheard of" },
        { kind: "frames", term, first: 0, frames: ["forged"], sizes: [6] },
        { kind: "write", term, from: "x", frames: ["forged"], bytes: 6 },
        { kind: "wrote", term, to: "x", bytes: 6 },
        { kind: "suspect", term, next: 0 },
        { kind: "leave", term, from: "x" },
        { kind: "end", term, end: { _tag: "ConnectionDropped" } },
        { kind: "welcome", term, to: "x", protocol: "", next: 9 }
      ])
      yield* settled(() => leader.heard.length >= 12 && others[0]!.heard.length >= 12)
      socket.say("true")
      yield* others[0]!.until(({ frames }) => frames.length > 0)
      assert.deepStrictEqual([leading.record.frames, others[0]!.record.frames], [["true"], ["true"]])
      assert.deepStrictEqual([socket.written, socket.terminated], [[], 0])
      assert.deepStrictEqual([tags(leading.record), tags(others[0]!.record)], [[], []])
    })
  )
})

describe("who leads", () => {
  it.effect("tabs that wait for the leader's dial - are not impatient, and follow as soon as it is open", () =>
    Effect.gen(function* () {
      const { tab } = yield* browser
      const [first, second] = yield* Effect.all([tab(), tab()])
      const leading = yield* first.dial()
      yield* settled(() => first.sockets.length === 1)
      const waiting = yield* second.dial()
      const answers = () => second.heard.filter((kind) => kind === "beat").length
      yield* settled(() => answers() > 0)
      for (let i = 0; i < 20; i++) {
        const before = answers()
        yield* TestClock.adjust("100 millis")
        yield* settled(() => answers() > before)
      }
      first.sockets[0]!.open()
      yield* Fiber.join(leading.fiber)
      // The clock stands: nobody asks again.
      yield* Fiber.join(waiting.fiber)
      first.sockets[0]!.say("to both")
      yield* waiting.until(({ frames }) => frames.length === 1)
      assert.deepStrictEqual([second.sockets.length, tags(leading.record)], [0, []])
    })
  )

  it.effect("a leader deposed while it dials - abandons the dial, which fails", () =>
    Effect.gen(function* () {
      const { tab } = yield* browser
      const [first, second] = yield* Effect.all([tab(), tab()])
      first.ears.loses = () => true
      const leading = yield* first.dial()
      yield* settled(() => first.sockets.length === 1)
      yield* second.dial()
      yield* passed(() => second.sockets.length > 0)
      assert.deepInclude(yield* Effect.flip(Fiber.join(leading.fiber)), { _tag: "DialFailed", kind: "local" })
      assert.strictEqual(first.sockets[0]!.abandoned, 1)
      assert.deepStrictEqual(leading.record.ended, [])
    })
  )

  it.effect("a leader whose dial fails - makes room at once, before its scope closes", () =>
    Effect.gen(function* () {
      const { tab } = yield* browser
      const [first, second] = yield* Effect.all([tab(), tab()])
      const leading = yield* first.dial()
      yield* settled(() => first.sockets.length === 1)
      yield* second.dial()
      first.sockets[0]!.refuse()
      assert.deepInclude(yield* Effect.flip(Fiber.join(leading.fiber)), { _tag: "DialFailed", kind: "refused" })
      yield* settled(() => second.sockets.length === 1)
    })
  )

  it.effect("a last message that never comes back - holds the lock for 250 ms, and no longer", () =>
    Effect.gen(function* () {
      const { leader, socket, tab } = yield* led(1)
      leader.ears.loses = (message) => message.kind === "farewell"
      socket.receiver.ended(LinkErrors.dropped(Recorder.dialOf("wss://feed.example/ws")))
      const next = yield* tab()
      yield* next.dial()
      yield* TestClock.adjust("249 millis")
      yield* settled(() => leader.posted.includes("farewell"))
      assert.strictEqual(next.sockets.length, 0)
      yield* TestClock.adjust("1 millis")
      yield* settled(() => next.sockets.length === 1)
    })
  )

  it.effect("a follower that slept - asks again before it deposes anybody", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let slept = 0n
      const loose: Clock.Clock = Object.assign(Object.create(clock) as typeof clock, {
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe() + slept
      })
      yield* Effect.gen(function* () {
        const { leader, leading, others, socket } = yield* led(1)
        const [sleeper] = others as [(typeof others)[0]]
        sleeper.ears.loses = () => true
        yield* TestClock.adjust("500 millis")
        // It has asked, and not heard the answer.
        assert.include(sleeper.posted, "ask")
        slept = 60_000_000_000n
        yield* TestClock.adjust("100 millis")
        sleeper.ears.loses = () => false
        const beats = () => sleeper.heard.filter((kind) => kind === "beat").length
        yield* TestClock.adjust("100 millis")
        yield* settled(() => beats() > 0)
        socket.say("still here")
        yield* sleeper.until(({ frames, ended }) => frames.length + ended.length > 0)
        assert.deepStrictEqual([sleeper.record.frames, tags(sleeper.record)], [["still here"], []])
        assert.deepStrictEqual([tags(leading.record), leader.sockets.length], [[], 1])
      }).pipe(Effect.provideService(Clock.Clock, loose))
    })
  )

  for (const signal of [{ _tag: "Freeze" }, { _tag: "PageHide", persisted: true }] as const) {
    it.effect(`${signal._tag} - a leader gives its socket up, a follower its place`, () =>
      Effect.gen(function* () {
        const { leader, leading, others, socket } = yield* led(2)
        const [gone, stays] = others
        yield* gone!.emit(signal)
        assert.deepStrictEqual([tags(gone!.record), tags(stays!.record)], [["ConnectionDropped"], []])
        yield* leader.emit(signal)
        yield* stays!.until(({ ended }) => ended.length > 0)
        assert.deepStrictEqual([socket.terminated, tags(leading.record)], [1, ["ConnectionDropped"]])
      })
    )
  }
})

describe("a closed scope", () => {
  it.effect("leaves no lock, no wish for one, and no listener at the page", () =>
    Effect.gen(function* () {
      const { leader, leading, others } = yield* led(2)
      const wanted = () => {
        const of = (infos: ReadonlyArray<LockInfo> = []) => infos.filter(({ name }) => name === leader.names[0]).length
        return Effect.map(
          Effect.promise(() => navigator.locks.query()),
          ({ held, pending }) => [of(held), of(pending)]
        )
      }
      assert.deepStrictEqual(yield* wanted(), [1, 2])
      for (const { session } of [...others, leading]) yield* Scope.close(session, Exit.void)
      yield* TestClock.adjust("1 second")
      while ((yield* wanted()).some((n) => n > 0));
      assert.deepStrictEqual(
        [leader, ...others].map(({ listeners }) => listeners()),
        [0, 0, 0]
      )
    })
  )
})

describe("a page without locks", () => {
  const refusals: Readonly<Record<string, () => Promise<never>>> = {
    "refused later": () => Promise.reject(new DOMException("no", "SecurityError")),
    "refused at once": () => {
      throw new DOMException("no", "SecurityError")
    }
  }
  for (const [name, request] of Object.entries(refusals)) {
    it.effect(`${name} - fails the dial`, () =>
      Effect.gen(function* () {
        const { tab } = yield* browser
        const { dial } = yield* tab({ ...makeEnvironment().environment, locks: { request } })
        const { fiber } = yield* dial()
        assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "DialFailed", kind: "local" })
      })
    )
  }

  it.effect("none at all, as in a page that is not secure - InvalidOptions that says so", () =>
    Effect.gen(function* () {
      const { BroadcastChannel } = globalThis
      const error = yield* Effect.gen(function* () {
        const transport = yield* Transport.Transport
        return yield* Effect.flip(transport.dial(Recorder.dialOf("wss://feed.example/ws"), Recorder.make().receiver))
      }).pipe(
        Effect.provide(SharedTransport.layer()),
        Effect.scoped,
        (use) =>
          Effect.andThen(
            Effect.sync(() => Reflect.deleteProperty(globalThis, "BroadcastChannel")),
            use
          ),
        Effect.ensuring(Effect.sync(() => Object.assign(globalThis, { BroadcastChannel })))
      )
      assert.deepInclude(error, { _tag: "InvalidOptions", path: ["transport"] })
      assert.include(error.message, "secure")
    })
  )
})
