/**
 * Proves what a successor gets on a shared socket: not the one that it may have
 * to replace. It has one of its own beside the old one, which serves all until
 * the successor's tab lets go of it; then it leads. There is one at a time: the
 * others wait for it, and are content with the old socket if it never leads.
 * With scripted sockets and a clock that stands.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import * as LinkErrors from "../../src/internal/link/linkErrors.ts"
import * as Recorder from "../rig/recorder.ts"
import { browser, led, passed } from "../rig/scriptedTabs.ts"
import { settled, turn } from "../rig/turns.ts"

const successor = { successor: true, epoch: 2 }

/** How many tabs have a socket that does not lead yet. */
const heirs = (name: string) =>
  Effect.map(
    Effect.promise(() => navigator.locks.query()),
    ({ held = [] }) => held.filter((lock) => lock.name === `${name} successor`).length
  )

const tags = ({ ended }: Recorder.Record) => ended.map((end) => end._tag)
const dropped = LinkErrors.dropped(Recorder.dialOf("wss://feed.example/ws"))

/** The leader's successor, its socket open beside the old one. */
const withHeir = Effect.fnUntraced(function* (more: number) {
  const all = yield* led(more)
  const heir = yield* all.leader.dial(successor)
  yield* settled(() => all.leader.sockets.length === 2)
  const next = all.leader.sockets[1]!
  next.open()
  yield* Fiber.join(heir.fiber)
  return { ...all, heir, next }
})

describe("the leader's successor", () => {
  it.effect("has a socket of its own, while the old one serves all", () =>
    Effect.gen(function* () {
      const { heir, leading, next, others, socket, tab } = yield* withHeir(1)
      const [other] = others
      next.say("to the successor")
      socket.say("to all")
      yield* other!.until(({ frames }) => frames.length > 0)
      other!.link.write(["by the old one"])
      yield* settled(() => socket.written.length > 0)
      const late = yield* tab()
      yield* Fiber.join((yield* late.dial()).fiber)
      assert.deepStrictEqual(
        [heir, leading, other!].map(({ record }) => record.frames),
        [["to the successor"], ["to all"], ["to all"]]
      )
      assert.deepStrictEqual([next.written, late.sockets.length], [[], 0])
    })
  )

  it.effect("leads as soon as the old one is gone, and is the one that others join", () =>
    Effect.gen(function* () {
      const { heir, leader, next, others, socket } = yield* withHeir(2)
      socket.receiver.ended(dropped)
      for (const { record, until } of others) {
        yield* until(({ ended }) => ended.length > 0)
        assert.deepStrictEqual(tags(record), ["ConnectionDropped"])
      }
      const again = yield* Effect.forEach(others, ({ dial }) => dial({ epoch: 2 }))
      yield* Effect.forEach(again, ({ fiber }) => Fiber.join(fiber))
      next.say("to all")
      for (const { record, until } of [heir, ...again]) {
        yield* until(({ frames }) => frames.length > 0)
        assert.deepStrictEqual([record.frames, tags(record)], [["to all"], []])
      }
      assert.deepStrictEqual(
        [leader, ...others].map(({ sockets }) => sockets.length),
        [2, 0, 0]
      )
      assert.strictEqual(socket.terminated, 0, "it had ended by itself")
      yield* others[0]!.dial({ successor: true, epoch: 3 })
      yield* settled(() => others[0]!.sockets.length === 1)
    })
  )

  it.effect("withdrawn - changes nothing, and the next one is a successor again", () =>
    Effect.gen(function* () {
      const { heir, leader, next, others, socket } = yield* withHeir(1)
      yield* Scope.close(heir.session, Exit.void)
      assert.strictEqual(next.terminated, 1)
      socket.say("still here")
      yield* others[0]!.until(({ frames }) => frames.length > 0)
      yield* leader.dial({ successor: true, epoch: 3 })
      yield* settled(() => leader.sockets.length === 3)
      assert.deepStrictEqual(tags(others[0]!.record), [])
    })
  )

  it.effect("gives way to a tab that took the lead before it, so that two sockets do not stay", () =>
    Effect.gen(function* () {
      const { heir, leader, next, tab } = yield* withHeir(0)
      leader.ears.loses = (message) => message.kind === "join"
      const thief = yield* tab()
      yield* thief.dial()
      yield* passed(() => thief.sockets.length > 0)
      yield* heir.until(({ ended }) => ended.length > 0)
      assert.deepStrictEqual([tags(heir.record), next.terminated], [["ConnectionDropped"], 1])
    })
  )
})

describe("a follower's successor", () => {
  it.effect("has a socket of its own as well, and leads when its tab lets go of the old one", () =>
    Effect.gen(function* () {
      const { leader, leading, others, socket } = yield* led(2)
      const [doubter, other] = others
      const heir = yield* doubter!.dial(successor)
      yield* settled(() => doubter!.sockets.length === 1)
      doubter!.sockets[0]!.open()
      yield* Fiber.join(heir.fiber)
      socket.say("to all")
      yield* other!.until(({ frames }) => frames.length > 0)
      doubter!.link.close(1000, "")
      for (const { record, until } of [leading, other!]) {
        yield* until(({ ended }) => ended.length > 0)
        assert.deepStrictEqual(tags(record), ["ConnectionDropped"])
      }
      assert.strictEqual(socket.terminated, 1)
      const again = yield* Effect.forEach([leader, other!], ({ dial }) => dial({ epoch: 2 }))
      yield* Effect.forEach(again, ({ fiber }) => Fiber.join(fiber))
      doubter!.sockets[0]!.say("to all again")
      for (const { record, until } of [heir, ...again]) {
        yield* until(({ frames }) => frames.length > 0)
        assert.deepStrictEqual([record.frames, tags(record)], [["to all again"], []])
      }
      assert.strictEqual(leader.sockets.length + other!.sockets.length, 1)
    })
  )

  it.effect("withdrawn - leaves no trace that the next one would take for its predecessor", () =>
    Effect.gen(function* () {
      const { leader, others } = yield* led(1)
      const [other] = others
      const first = yield* other!.dial(successor)
      yield* settled(() => other!.sockets.length === 1)
      yield* Scope.close(first.session, Exit.void)
      while ((yield* heirs(leader.names[0]!)) > 0);
      yield* leader.dial(successor)
      yield* settled(() => leader.sockets.length === 2)
      const welcomes = () => other!.heard.filter((kind) => kind === "welcome").length
      const before = welcomes()
      const second = yield* other!.dial({ successor: true, epoch: 3 })
      yield* settled(() => welcomes() > before)
      yield* turn
      assert.isUndefined(second.fiber.pollUnsafe())
    })
  )

  it.effect("gives way to a tab that took the lead from a leader that hangs", () =>
    Effect.gen(function* () {
      const { leader, others, tab } = yield* led(1)
      const [doubter] = others
      const heir = yield* doubter!.dial(successor)
      yield* settled(() => doubter!.sockets.length === 1)
      doubter!.sockets[0]!.open()
      yield* Fiber.join(heir.fiber)
      leader.ears.loses = () => true
      // Its own link stays, for a while: it has heard what the others have not.
      doubter!.ears.loses = (message) => message.kind !== "beat"
      const thief = yield* tab()
      yield* thief.dial()
      yield* passed(() => thief.sockets.length > 0)
      yield* heir.until(({ ended }) => ended.length > 0)
      assert.deepStrictEqual([tags(heir.record), doubter!.sockets[0]!.terminated], [["ConnectionDropped"], 1])
    })
  )

  it.effect("beside another tab's - dials nothing, and joins that one as soon as it leads", () =>
    Effect.gen(function* () {
      const { heir, next, others, socket } = yield* withHeir(1)
      const [other] = others
      const waiting = yield* other!.dial(successor)
      yield* settled(() => other!.heard.includes("welcome"))
      yield* TestClock.adjust("1 second")
      assert.isUndefined(waiting.fiber.pollUnsafe())
      socket.receiver.ended(dropped)
      // The clock stands: the new leader calls.
      yield* Fiber.join(waiting.fiber)
      next.say("to both")
      for (const { record, until } of [heir, waiting]) {
        yield* until(({ frames }) => frames.length > 0)
        assert.deepStrictEqual(tags(record), [])
      }
      assert.strictEqual(other!.sockets.length, 0)
    })
  )

  it.effect("beside another tab's that is withdrawn - takes the old socket again, and disturbs nobody", () =>
    Effect.gen(function* () {
      const { heir, leading, others, socket } = yield* withHeir(1)
      const waiting = yield* others[0]!.dial(successor)
      yield* settled(() => others[0]!.heard.includes("welcome"))
      yield* Scope.close(heir.session, Exit.void)
      yield* passed(() => waiting.fiber.pollUnsafe() !== undefined)
      yield* Fiber.join(waiting.fiber)
      socket.say("to all")
      for (const { record, until } of [leading, ...others, waiting]) {
        yield* until(({ frames }) => frames.length > 0)
        assert.deepStrictEqual(tags(record), [])
      }
    })
  )

  it.effect("without a predecessor - is a dial like any other", () =>
    Effect.gen(function* () {
      const { tab } = yield* browser
      const first = yield* tab()
      const { fiber } = yield* first.dial(successor)
      yield* settled(() => first.sockets.length === 1)
      first.sockets[0]!.open()
      yield* Fiber.join(fiber)
    })
  )
})

describe("a follower whose leader is gone without a word", () => {
  it.effect("leaves when another tab leads already, instead of following nobody, and takes nothing from it", () =>
    Effect.gen(function* () {
      const { leader, others, tab } = yield* led(1)
      const [stuck] = others
      stuck!.ears.loses = (message) => message.kind === "end"
      // To this tab the leader looks frozen, and to nobody else.
      const thief = yield* tab()
      thief.ears.loses = (message) => message.kind === "beat" || message.kind === "welcome"
      const taking = yield* thief.dial()
      yield* passed(() => thief.sockets.length > 0)
      thief.sockets[0]!.open()
      yield* Fiber.join(taking.fiber)
      yield* settled(() => leader.sockets[0]!.terminated === 1)
      assert.deepStrictEqual(tags(stuck!.record), [])
      for (let i = 0; i < 20; i++) {
        yield* TestClock.adjust("100 millis")
        yield* turn
      }
      assert.deepStrictEqual([tags(stuck!.record), tags(taking.record)], [["ConnectionDropped"], []])
      assert.strictEqual(thief.sockets[0]!.terminated, 0)
    })
  )
})
