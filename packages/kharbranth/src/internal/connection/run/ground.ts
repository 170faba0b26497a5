/**
 * What every part of a connection stands on: its options, its clock and its
 * fibers, and where it tells what happens. The loop over sessions is built on it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"
import type { Codec } from "../../../Codec.ts"
import type * as Connection from "../../../Connection.ts"
import type * as Public from "../../../Session.ts"
import type { ConnectionEvent, DropReason } from "../../../ConnectionEvent.ts"
import type * as RateLimit from "../../../RateLimit.ts"
import type { Recipe } from "../../../Target.ts"
import { Transport } from "../../../Transport.ts"
import type { Ask } from "../../session/dial.ts"
import { Fanout } from "../../kit/fanout.ts"
import { Fibers } from "../../kit/fibers.ts"
import { Figures } from "../../session/counters.ts"
import { HookQueue } from "./hooks.ts"
import type { HookInput, HookName, Host, Opener } from "../../session/host.ts"
import * as Limits from "../../rateLimit/limits.ts"
import { Timer, type Timers, timersOf } from "../../kit/timers.ts"

export interface GroundOptions<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly context: Context.Context<Transport>
  readonly policies: Connection.Policies
  readonly target: Recipe
  readonly options: Connection.Options<Codec<In, Out>, unknown, never, never>
  /** Instead of the options' `permit`. */
  readonly ask?: Ask | undefined
}

export abstract class Ground<In, Out> {
  readonly connection: string
  readonly codec: Codec<In, Out>
  readonly options: GroundOptions<In, Out>["options"]
  readonly figures = new Figures()
  readonly events = new Fanout<ConnectionEvent>()
  readonly fibers: Fibers
  // Not looked up each time: a context that is asked often copies itself.
  readonly transport: Transport["Service"]
  readonly ask: Ask | undefined
  policies: Connection.Policies
  target: Recipe
  taps: ReadonlySet<Public.Tap<In, Out>> = none
  protected readonly context: Context.Context<Transport>
  private readonly timers: Timers
  private readonly meters: (() => RateLimit.Meter | undefined) | undefined
  private hookQueue: HookQueue | undefined

  constructor({ ask, codec, connection, context, options, policies, target }: GroundOptions<In, Out>) {
    this.connection = connection
    this.codec = codec
    this.options = options
    this.context = context
    this.transport = Context.get(context, Transport)
    this.ask = ask
    this.fibers = new Fibers(connection, context)
    this.timers = timersOf(context)
    this.policies = policies
    this.target = target
    this.meters = Limits.metersOf(policies.rateLimit)
  }

  /** The last session dialed. */
  abstract get epoch(): number

  // --- what there is ---------------------------------------------------------

  get maxMessageSize(): number {
    return this.options.maxMessageSize ?? 1024 * 1024
  }

  get writeMark(): number {
    return this.options.writeMark ?? 256 * 1024
  }

  get openBuffer(): number {
    return this.options.openBuffer ?? 16 * 1024 * 1024
  }

  get onOpen(): Opener<In, Out> | undefined {
    return this.options.onOpen
  }

  get permit(): Host<In, Out>["permit"] {
    return this.options.permit
  }

  get hooks(): Public.Hooks | undefined {
    return this.options.hooks
  }

  get traced(): boolean {
    // Not `mapUnsafe`: it would copy every service there is, for each connection.
    return Context.get(this.context, Tracer.Tracer) !== Context.get(Context.empty(), Tracer.Tracer)
  }

  openers(): ReadonlyArray<Opener<In, Out>> {
    return this.taps.size === 0 ? nobody : [...this.taps].flatMap((tap) => (tap.open === undefined ? [] : [tap.open]))
  }

  meter(): RateLimit.Meter | undefined {
    return this.meters?.()
  }

  // --- time and fibers -------------------------------------------------------

  now(): number {
    return this.timers.now()
  }

  wall(): number {
    return this.timers.wall()
  }

  timer(fire: (now: number) => void): Timer {
    return new Timer(this.timers, this.fibers, fire)
  }

  fork(effect: Effect.Effect<void>): Fiber.Fiber<void> {
    return this.fibers.fork(effect)
  }

  // --- what is told ----------------------------------------------------------

  emit(event: () => ConnectionEvent): void {
    if (this.events.active) this.events.publish([event()])
  }

  hook<Name extends HookName>(name: Name, ...given: HookInput<Name>): void {
    // Each name has its own input, which TypeScript does not follow through the lookup.
    const hook = this.hooks?.[name] as ((...given: HookInput<Name>) => Effect.Effect<unknown, unknown>) | undefined
    if (hook === undefined) return
    const run = Effect.suspend(() => hook.apply(this.hooks, given))
    ;(this.hookQueue ??= new HookQueue(this)).add(name, run)
  }

  hookFailed(hook: string): void {
    this.emit(() => ({ _tag: "HookFailed", epoch: this.epoch, hook }))
  }

  hookSkipped(hook: string, skipped: number): void {
    this.emit(() => ({ _tag: "HookSkipped", epoch: this.epoch, hook, skipped }))
  }

  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.figures.drop(reason, count)
    this.emit(() => ({ _tag: "Dropped", where, reason, count }))
  }
}

const none: ReadonlySet<never> = new Set()
const nobody: ReadonlyArray<never> = []
