/** What users read with: streams over the inbox, one message, a tap. */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Public from "../../../Session.ts"
import * as ConnectionError from "../../../ConnectionError.ts"
import type { Inbox } from "../../inbox/inbox.ts"
import { touch } from "./ready.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

/** Is the connection's one reader until `scope` closes. */
export const reader = <In, Out>(self: Any<In, Out>, scope: Scope.Scope): Effect.Effect<void, Failure> =>
  Effect.uninterruptible(
    Effect.suspend(() => {
      touch(self)
      if (!self.inbox.acquire()) return Effect.fail(new ConnectionError.ReaderBusy({ connection: self.connection }))
      return Scope.addFinalizerExit(scope, () => Effect.sync(() => self.inbox.release()))
    })
  )

/**
 * Waits until there is something to take, or the end has come; then goes on with
 * `look`. Where messages come one at a time each of them costs such a wait. So
 * there is no finalizer, and the waiter is made once: that of an interrupted
 * fiber does nothing, and goes with the reader.
 */
const waiting = <In, A, E>(inbox: Inbox<In>, look: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  let resume: ((next: Effect.Effect<A, E>) => void) | undefined
  const wake = () => resume?.(look)
  return Effect.callback<A, E>((go) => {
    resume = go
    inbox.await(wake)
  })
}

/** A stream that is the reader from its first pull on. */
export const reading = <In, Out, A>(
  self: Any<In, Out>,
  take: (inbox: Inbox<In>) => Arr.NonEmptyReadonlyArray<A> | undefined
): Stream.Stream<A, Failure> =>
  // Not `Stream.unwrap`: a stream within a stream costs each connection that is read another half a kilobyte.
  Stream.fromChannel(
    Channel.fromTransform((_, scope) => {
      type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Failure>
      const { inbox } = self
      let isReader = false
      const pull: Next = Effect.suspend((): Next => {
        if (!isReader) return Effect.flatMap(reader(self, scope), () => ((isReader = true), pull))
        const batch = take(inbox)
        if (batch !== undefined) return Effect.succeed(batch)
        const { ending } = inbox
        if (ending !== undefined) return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
        return wait
      })
      const wait = waiting(inbox, pull)
      return Effect.succeed(pull)
    })
  )

export const receive = <In, Out>(self: Any<In, Out>): Effect.Effect<In, Failure> => {
  const { inbox } = self
  const one: Effect.Effect<In, Failure> = Effect.suspend(() => {
    const taken = inbox.takeOne()
    if (taken !== undefined) return Effect.succeed(taken.message)
    const { ending } = inbox
    if (ending !== undefined) return Effect.fail(ending.error ?? self.notConnected())
    return wait
  })
  const wait = waiting(inbox, one)
  return Effect.scopedWith((scope) => Effect.andThen(reader(self, scope), one))
}

export const tap = <In, Out>(
  self: Any<In, Out>,
  tapped: Public.Tap<In, Out>
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const own = { ...tapped }
        self.taps = new Set([...self.taps, own])
        const remove = self.inbox.addTap(tapped)
        return { own, remove }
      }),
      ({ own, remove }) =>
        Effect.sync(() => {
          self.taps = new Set([...self.taps].filter((other) => other !== own))
          remove()
        })
    )
  )
