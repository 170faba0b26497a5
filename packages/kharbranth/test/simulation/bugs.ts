/**
 * Bugs that are planted in the core for a while, to prove that the simulation
 * finds them: methods of its classes replaced, its transport or its heartbeat
 * tampered with, its reducer led astray.
 */
import * as Duration from "effect/Duration"
import * as Scope from "effect/Scope"
import * as Effect from "effect/Effect"
import * as Heartbeat from "kharbranth/Heartbeat"
import { ifUnknown, type SendOptions } from "kharbranth/Outbox"
import type * as Transport from "kharbranth/Transport"
import { Handover } from "../../src/internal/connection/run/handover.ts"
import { Inbox } from "../../src/internal/inbox/inbox.ts"
import { HookQueue } from "../../src/internal/connection/run/hooks.ts"
import type * as Lifecycle from "../../src/internal/lifecycle/reduce.ts"
import { Outbox } from "../../src/internal/outbox/outbox.ts"
import { Writer } from "../../src/internal/outbox/writer.ts"
import { Rotation } from "../../src/internal/connection/run/rotation.ts"
import { Liveness } from "../../src/internal/session/liveness.ts"
import { Session } from "../../src/internal/session/session.ts"
import type { Sabotage } from "./simulate.ts"

export type Reduce = typeof Lifecycle.reduce

export interface Bug {
  readonly name: string
  /** The promise that it breaks. */
  readonly breaks: string
  /** Changes code; returns how to mend it. */
  readonly plant?: (() => () => void) | undefined
  readonly sabotage?: Sabotage | undefined
  readonly reduce?: ((right: Reduce) => Reduce) | undefined
}

type Method = (this: unknown, ...args: Array<never>) => unknown

const patch = (type: { readonly prototype: object }, name: string, wrap: (right: Method) => Method): (() => void) => {
  const target = type.prototype as Record<string, unknown>
  const right = target[name]
  if (typeof right !== "function") throw new Error(`there is no method ${name} to break`)
  const isOwn = Object.hasOwn(target, name)
  target[name] = wrap(right as Method)
  return () => {
    if (isOwn) target[name] = right
    else delete target[name]
  }
}

const nothing: Method = () => undefined

const withOptions =
  (change: (options: SendOptions) => SendOptions): (() => () => void) =>
  () => {
    const wrap = (right: Method): Method =>
      function (this: unknown, ...[message, options, ...more]: Array<never>) {
        return right.call(this, message as never, change((options as SendOptions | undefined) ?? {}) as never, ...more)
      }
    return patch(Outbox, "give", wrap)
  }

const markers =
  (change: (entry: { readonly _tag: string }) => number): (() => () => void) =>
  () =>
    patch(
      Inbox,
      "mark",
      (right) =>
        function (this: unknown, entry: never) {
          for (let times = change(entry); times > 0; times--) right.call(this, entry)
        }
    )

type Frames = Parameters<Transport.Link["write"]>[0]

const linked = (change: (link: Transport.Link) => Transport.Link): Sabotage => ({
  transport: (inner) => ({
    ...inner,
    dial: (dial, receiver) => Effect.map(inner.dial(dial, receiver), change)
  })
})

const writing = (change: (frames: Frames) => Frames): Sabotage =>
  linked((link) => ({ ...link, write: (frames) => link.write(change(frames)) }))

const every = (n: number) => {
  let count = 0
  return () => ++count % n === 0
}

const losing = (): Sabotage => {
  const now = every(40)
  return writing((frames) => (now() ? frames.slice(1) : frames))
}

const deafEvery = (n: number) => () => {
  const now = every(n)
  return patch(
    Inbox,
    "push",
    (right) =>
      function (this: unknown, ...args: Array<never>) {
        if (!now()) right.call(this, ...args)
      }
  )
}

// The link is dialed in a scope that nobody closes, and hanging up does nothing.
const leaking: Sabotage = {
  transport: (inner) => ({
    ...inner,
    dial: (dial, receiver) =>
      Effect.map(Scope.provide(inner.dial(dial, receiver), Scope.makeUnsafe()), (link) => ({
        ...link,
        close: () => undefined,
        terminate: () => undefined
      }))
  })
}

export const bugs: ReadonlyArray<Bug> = [
  { name: "the writer loses the head of a batch", breaks: "a completed send was written", sabotage: losing() },
  {
    name: "the writer writes a message twice",
    breaks: "written once per session",
    sabotage: writing((frames) => [...frames, ...frames.slice(0, 1)])
  },
  {
    name: "the writer reverses a batch",
    breaks: "order per lane is kept",
    sabotage: writing((frames) => frames.toReversed())
  },
  {
    name: "messages are replayed that must not be",
    breaks: "only replayable messages are written twice",
    plant: withOptions((options) => ({ ...options, replay: ifUnknown }))
  },
  {
    name: "the time to live is ignored",
    breaks: "nothing is written after its ttl",
    plant: withOptions((options) => ({ ...options, ttl: Duration.infinity }))
  },
  {
    name: "acknowledgements are not heard",
    breaks: "acknowledged is Confirmed",
    plant: () => patch(Outbox, "acknowledge", () => nothing)
  },
  {
    name: "the outbox loses its head when a session ends",
    breaks: "every send settles",
    plant: () =>
      patch(
        Outbox,
        "detach",
        (right) =>
          function (this: unknown, ...args: Array<never>) {
            const { queue } = (this as Innards).admission
            const [head] = queue.all()
            if (head !== undefined) queue.remove(head)
            return right.call(this, ...args)
          }
      )
  },
  {
    name: "every ended session counts as closed cleanly",
    breaks: "confirmed is never lost",
    plant: () =>
      patch(
        Outbox,
        "detach",
        (right) =>
          function (this: unknown, writer: never) {
            return right.call(this, writer, { clean: true } as never)
          }
      )
  },
  {
    name: "a Gap is left out",
    breaks: "one Gap per interrupted boundary",
    plant: markers(({ _tag }) => (_tag === "Gap" ? 0 : 1))
  },
  {
    name: "a Gap is there twice",
    breaks: "one Gap per interrupted boundary",
    plant: markers(({ _tag }) => (_tag === "Gap" ? 2 : 1))
  },
  {
    name: "an overlap that is cut short leaves no Gap",
    breaks: "one Gap per interrupted boundary",
    plant: () =>
      patch(
        Handover,
        "cut",
        () =>
          function (this: unknown) {
            Handover.prototype["finish"].call(this as never)
          }
      )
  },
  {
    name: "a whole overlap leaves a Gap",
    breaks: "one Gap per interrupted boundary",
    plant: () =>
      patch(
        Handover,
        "due",
        (right) =>
          function (this: unknown) {
            const { overlap } = this as Innards
            if (overlap === undefined) right.call(this)
            else (this as Innards).release(overlap.session)
          }
      )
  },
  {
    name: "an old session that is silent is believed",
    breaks: "no hole is silent",
    plant: () =>
      patch(
        Liveness,
        "ask",
        () =>
          function (this: unknown, tell: never) {
            ;(tell as (complete: boolean) => void)(true)
          }
      )
  },
  {
    name: "what the old session brought is forgotten",
    breaks: "a key is read once in an overlap",
    plant: () => patch(Rotation, "seen", () => () => false)
  },
  {
    name: "doubles are not counted",
    breaks: "what comes twice is announced",
    plant: () => patch(Handover, "dialed", () => nothing)
  },
  { name: "the inbox loses a message", breaks: "inbound loss is counted", plant: deafEvery(40) },
  {
    name: "a stale session delivers",
    breaks: "sessions follow each other",
    plant: () => patch(Session, "mute", () => nothing)
  },
  {
    name: "a session that closes is read without bound",
    breaks: "the inbox is bounded",
    plant: () =>
      patch(
        Inbox,
        "pushLate",
        () =>
          function (this: unknown, ...args: Array<never>) {
            return Inbox.prototype.push.apply(this as Inbox<unknown>, args as never) ?? true
          }
      )
  },
  {
    name: "closing waits too long",
    breaks: "closing is bounded",
    plant: () =>
      patch(
        Session,
        "close",
        (right) =>
          function (this: unknown) {
            return right.call(this, Duration.minutes(1) as never)
          }
      )
  },
  { name: "links are not closed", breaks: "nothing is left", sabotage: leaking },
  {
    name: "the heartbeat never fires",
    breaks: "the last word gets through",
    sabotage: { heartbeat: () => Heartbeat.none }
  },
  {
    name: "resume is forgotten after a pause",
    breaks: "Ready again after the trouble",
    reduce: (right) => (state, input, now) => (input._tag === "Resume" ? [state, []] : right(state, input, now))
  },
  {
    name: "an import forgets a message",
    breaks: "what is imported is written, or counted",
    sabotage: { importing: (items) => items.slice(1) }
  },
  {
    name: "an import turns the order round",
    breaks: "an import keeps its order",
    sabotage: { importing: (items) => items.toReversed() }
  },
  {
    name: "an export leaves everything where it is",
    breaks: "what is exported stays away",
    sabotage: { exportLeaves: true }
  },
  {
    name: "the rate is not kept",
    breaks: "the rate is kept",
    plant: () => {
      const mends = [patch(Writer, "allows", () => () => true), patch(Writer, "free", () => () => Infinity)]
      return () => {
        for (const mend of mends) mend()
      }
    }
  },
  {
    name: "a hook is forgotten now and then",
    breaks: "hooks see each frame in order",
    plant: () => {
      const now = every(50)
      return patch(
        HookQueue,
        "addAll",
        (right) =>
          function (this: unknown, ...args: Array<never>) {
            if (!now()) right.call(this, ...args)
          }
      )
    }
  },
  {
    name: "only the first endpoint counts",
    breaks: "every endpoint is tried",
    reduce: (right) => (state, input, now) => {
      const { config } = state
      const [next, commands] = right({ ...state, config: { ...config, endpoints: 1 } }, input, now)
      return [{ ...next, config }, commands]
    }
  },
  {
    name: "a dial goes on when its hedge is open",
    breaks: "the first dial to open ends the other",
    reduce: (right) => (state, input, now) => {
      const [next, commands] = right(state, input, now)
      return input._tag === "Opened" ? [next, commands.filter(({ _tag }) => _tag !== "EndSession")] : [next, commands]
    }
  },
  {
    name: "the silence of a dial is noted for ever",
    breaks: "nothing is left",
    plant: () => patch(Session, "dialingEnds", () => nothing)
  },
  {
    name: "nobody dials after a wait",
    breaks: "Ready again after the trouble",
    reduce: (right) => (state, input, now) => (input._tag === "RetryDue" ? [state, []] : right(state, input, now))
  }
]

interface Innards {
  readonly overlap: { readonly session: unknown } | undefined
  release(session: unknown): void
  readonly admission: { readonly queue: { all(): ReadonlyArray<object>; remove(entry: object): void } }
}
