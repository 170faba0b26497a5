/** What users read with: streams over the inbox, one message, a tap. */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Public from "../../../Session.ts"
import * as ConnectionError from "../../../ConnectionError.ts"
import { touch } from "./ready.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Failure = ConnectionError.ConnectionError
type Any<In, Out> = Supervisor<In, Out>

/**
 * Waits until there is something to take, or the end has come; then looks again. Where messages come one at a time
 * each of them costs such a wait, so there is no finalizer: the waiter of an interrupted fiber does nothing, and goes
 * with the reader.
 */
const waiting = <In, Out, A, E>(self: Any<In, Out>, look: Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.callback<A, E>((resume) => void self.inbox.await(() => resume(look)))

const pulling = <In, Out, A>(
  self: Any<In, Out>,
  take: () => ReadonlyArray<A> | undefined
): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Failure> => {
  type Next = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Failure>
  const pull: Next = Effect.suspend((): Next => {
    const batch = take()
    if (batch !== undefined && Arr.isReadonlyArrayNonEmpty(batch)) return Effect.succeed(batch)
    const { ending } = self.inbox
    if (ending !== undefined) return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
    return wait
  })
  const wait: Next = waiting(self, pull)
  return pull
}

/** Is the connection's one reader, for as long as its scope is open. */
export const reader = <In, Out>(self: Any<In, Out>): Effect.Effect<void, Failure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      touch(self)
      return self.inbox.acquire()
        ? Effect.void
        : Effect.fail(new ConnectionError.ReaderBusy({ connection: self.connection }))
    }),
    () => Effect.sync(() => self.inbox.release())
  )

export const reading = <In, Out, A>(
  self: Any<In, Out>,
  take: () => ReadonlyArray<A> | undefined
): Stream.Stream<A, Failure> =>
  Stream.unwrap(Effect.map(reader(self), () => Stream.fromPull(Effect.succeed(pulling(self, take)))))

export const receive = <In, Out>(self: Any<In, Out>): Effect.Effect<In, Failure> => {
  const one: Effect.Effect<In, Failure> = Effect.suspend(() => {
    const taken = self.inbox.takeOne()
    if (taken !== undefined) return Effect.succeed(taken.message)
    const { ending } = self.inbox
    if (ending !== undefined) return Effect.fail(ending.error ?? self.notConnected())
    return wait
  })
  const wait = waiting(self, one)
  return Effect.scoped(Effect.andThen(reader(self), one))
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
