/**
 * What a connection reports: its counters, its events, its log and its users'
 * hooks. An event that nobody hears is not built.
 */
import * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { ConnectionEvent, DropReason, SendersWaiting } from "../../../ConnectionEvent.ts"
import type { Hooks } from "../../../Session.ts"
import { Fanout } from "../../kit/fanout.ts"
import type { Fibers } from "../../kit/fibers.ts"
import { Counters } from "../../session/counters.ts"
import type { HookInput, HookName, SessionReports } from "../../session/context.ts"
import { HookQueue } from "./hooks.ts"
import { Log } from "./log.ts"

export class Reports implements SessionReports {
  readonly counters = new Counters()
  readonly events = new Fanout<ConnectionEvent>()
  /** The url of the last dial. It may hold a secret: nobody is shown more than its origin. */
  url: string | undefined
  /** The span of the last dial, where somebody traces. */
  span: Tracer.ExternalSpan | undefined
  readonly log: Log
  private readonly fibers: Fibers
  private readonly hooks: Hooks | undefined
  private queue: HookQueue | undefined

  constructor(connection: string, fibers: Fibers, hooks: Hooks | undefined) {
    this.log = new Log(fibers, connection)
    this.fibers = fibers
    this.hooks = hooks
  }

  emit(event: () => ConnectionEvent): void {
    if (this.events.active) this.events.publish([event()])
  }

  /** An event of the lifecycle, which is built in any case: it goes to the log too. */
  happened(event: ConnectionEvent): void {
    this.events.publish([event])
    this.log.event(event)
  }

  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.counters.drop(reason, count)
    this.emit(() => ({ _tag: "Dropped", where, reason, count }))
  }

  waiting(reason: SendersWaiting["for"] | undefined): void {
    this.emit(() => (reason === undefined ? { _tag: "SendersFree" } : { _tag: "SendersWaiting", for: reason }))
  }

  get hasHooks(): boolean {
    return this.hooks !== undefined
  }

  hook<Name extends HookName>(epoch: number, name: Name, ...given: HookInput<Name>): void {
    // Each name has its own input, which TypeScript does not follow through the lookup.
    const hook = this.hooks?.[name] as ((...given: HookInput<Name>) => Effect.Effect<unknown, unknown>) | undefined
    if (hook === undefined) return
    const run = Effect.suspend(() => hook.apply(this.hooks, given))
    ;(this.queue ??= new HookQueue(this.fibers, this)).add(epoch, name, run)
  }
}
