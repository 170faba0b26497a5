/**
 * The fibers of one connection: they run with its context, end with its scope,
 * and one that dies is heard, because none is meant to.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as LogLevel from "effect/LogLevel"
import * as References from "effect/References"

export class Fibers {
  private readonly connection: string
  private readonly context: Context.Context<never>
  private level: LogLevel.LogLevel | undefined
  private running: Set<Fiber.Fiber<void>> | undefined
  private over = false

  constructor(connection: string, context: Context.Context<never>) {
    this.connection = connection
    this.context = context
  }

  /** What is below it is not logged. */
  get logLevel(): LogLevel.LogLevel {
    return (this.level ??= Context.get(this.context, References.MinimumLogLevel))
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    const fiber = this.run(this.over ? Effect.interrupt : effect)
    if (fiber.pollUnsafe() === undefined) (this.running ??= new Set()).add(fiber)
    fiber.addObserver((exit) => this.ended(fiber, exit))
    return fiber
  }

  /** Runs what ends by itself and at once, such as a line for the log. */
  run<A>(effect: Effect.Effect<A>): Fiber.Fiber<A> {
    return Effect.runForkWith(this.context)(effect)
  }

  /** A bug of ours has shown itself. */
  died(defect: unknown): void {
    const name = defect instanceof Error ? defect.name : typeof defect
    this.run(Effect.annotateLogs(Effect.logError(`internal failure: ${name}`), { connection: this.connection }))
  }

  /** Interrupts them all and waits for their end; none starts any more. */
  end(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.over = true
      return this.running === undefined ? Effect.void : Fiber.interruptAll([...this.running])
    })
  }

  private ended(fiber: Fiber.Fiber<void>, exit: Exit.Exit<void>): void {
    const { running } = this
    if (running?.delete(fiber) === true && running.size === 0) this.running = undefined
    if (Exit.isFailure(exit) && !Cause.hasInterruptsOnly(exit.cause)) this.died(Cause.squash(exit.cause))
  }
}
