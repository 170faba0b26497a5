/**
 * Redundancy: the same feed over several lines, and each message from the line
 * that brought it first.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Codec from "../../Codec.ts"
import type { ConnectionError, SendError } from "../../ConnectionError.ts"
import type { Manager } from "../../ConnectionManager.ts"
import type { Redundant, RedundantOptions } from "../../ConnectionPool.ts"
import type { Named } from "../../ManagerEvent.ts"
import type * as Outbox from "../../Outbox.ts"
import { total } from "../kit/guard.ts"
import * as Check from "../model/check.ts"
import { Dedupe } from "./dedupe.ts"
import * as Parts from "./members.ts"

type AnyOptions = RedundantOptions<Codec.Codec<unknown, unknown>, string, never>

const check = (pool: string, options: AnyOptions) =>
  Check.firstOf([
    Parts.checkName(pool),
    Check.wholeNumber(pool, ["lines"], options.lines, 1),
    Check.wholeNumber(pool, ["window"], options.window, 1)
  ])

/**
 * All lines write. The first to succeed makes the send succeed, and the others go
 * on. A line that is down holds no message by default: by the time it is back,
 * another line has long delivered it.
 */
const send =
  (lines: ReadonlyArray<Parts.Line>, scope: Scope.Scope) =>
  (message: unknown, options?: Outbox.SendOptions): Effect.Effect<void, SendError> =>
    Effect.gen(function* () {
      const done = yield* Deferred.make<void, SendError>()
      let left = lines.length
      const one = (line: Parts.Line) =>
        Effect.matchEffect(line.send(message, { whenDown: "fail", ...options }), {
          onFailure: (error) => (--left === 0 ? Deferred.fail(done, error) : Effect.void),
          onSuccess: () => Deferred.succeed(done, undefined)
        })
      const fibers = yield* Effect.forEach(lines, (line) => Effect.forkIn(one(line), scope, { startImmediately: true }))
      yield* Effect.onInterrupt(Deferred.await(done), () => Fiber.interruptAll(fibers))
    })

const readingOf = (
  manager: Manager,
  lines: ReadonlyArray<Parts.Line>,
  dedupe: Dedupe,
  key: (u: unknown) => unknown
) => {
  const index = new Map(lines.map(({ name }, line) => [name, line]))
  const admitted = (batch: ReadonlyArray<Named<unknown>>, now: number): ReadonlyArray<unknown> =>
    batch.flatMap(({ message, name }) => (dedupe.admit(index.get(name)!, key(message), now) ? [message] : []))
  const all = manager.messages(lines.map(({ name }) => name))
  return Stream.unwrap(
    Effect.map(Clock.clockWith(Effect.succeed), (clock) =>
      Stream.flatMap(Stream.chunks(all), (batch) =>
        Stream.fromIterable(admitted(batch, clock.currentTimeMillisUnsafe()))
      )
    )
  )
}

const build = Effect.fnUntraced(function* <R>(manager: Manager, name: string, options: AnyOptions) {
  const problem = check(name, options)
  if (problem !== undefined) return yield* problem
  const open = Parts.opener(manager, name, yield* Effect.context<R>(), options.line)
  const lines: Array<Parts.Line> = []
  yield* Effect.addFinalizer(() =>
    Effect.forEach(lines, (line) => manager.close(line.name), { concurrency: "unbounded", discard: true })
  )
  for (let index = 0; index < (options.lines ?? 2); index++) lines.push(yield* open(index))
  const dedupe = new Dedupe(lines.length, options.window ?? 65_536)
  const pool: Redundant<unknown, unknown> = {
    name,
    stream: readingOf(
      manager,
      lines,
      dedupe,
      total(options.key, () => undefined)
    ),
    send: send(lines, yield* Effect.scope),
    lines,
    scores: Effect.sync(() =>
      lines.map((line, index) => ({
        name: line.name,
        stateTag: line.state.getUnsafe()._tag,
        wins: dedupe.scores[index]!.wins,
        late: dedupe.scores[index]!.late
      }))
    ),
    lag: Effect.sync(() => {
      const late = dedupe.scores.reduce((sum, score) => sum + score.late, 0)
      return late === 0 ? undefined : dedupe.lag / late
    })
  }
  return pool
})

export const make = <In, Out, R>(
  manager: Manager,
  name: string,
  options: unknown
): Effect.Effect<Redundant<In, Out>, ConnectionError, R | Scope.Scope> =>
  build<R>(manager, name, options as AnyOptions) as Effect.Effect<Redundant<In, Out>, ConnectionError, R | Scope.Scope>
