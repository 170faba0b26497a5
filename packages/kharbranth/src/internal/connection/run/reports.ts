/**
 * What a connection reports: its counters, its events, its log and its users'
 * hooks. An event that nobody hears is not built.
 */
import type * as Effect from "effect/Effect"
import type * as Tracer from "effect/Tracer"
import type { ConnectionEvent, DropReason, SendersWaiting } from "../../../ConnectionEvent.ts"
import { type Heartbeat, none } from "../../../Heartbeat.ts"
import type { Hooks } from "../../../Session.ts"
import { Fanout } from "../../kit/fanout.ts"
import type { Fibers } from "../../kit/fibers.ts"
import { Counters } from "../../session/counters.ts"
import type { HookInput, HookName, SessionReports } from "../../session/context.ts"
import { HookQueue } from "./hooks.ts"
import { Log } from "./log.ts"

type AnyHooks = Hooks<never, never>

type OnMessage<In> = NonNullable<Hooks<never, In>["onMessage"]>

interface MessageSource<In> {
  addTap(tap: { readonly claim: (message: In, epoch: number) => boolean }): () => void
}

interface Beating {
  readonly options: { readonly heartbeat?: Heartbeat | undefined }
  readonly policies: { readonly heartbeat: Heartbeat }
}

const unwatched =
  "no heartbeat: a dead peer is not noticed, for this transport cannot ping. Give Heartbeat.text, json or passive; or Heartbeat.none, if that is meant"

interface Defers {
  /** Runs this after the current turn's work. */
  defer(run: () => void): void
}

export class Reports implements SessionReports {
  readonly counters = new Counters()
  readonly events = new Fanout<ConnectionEvent>()
  /** The url of the last dial. It may hold a secret: nobody is shown more than its origin. */
  url: string | undefined
  /** The span of the last dial, where somebody traces. */
  span: Tracer.ExternalSpan | undefined
  readonly log: Log
  private readonly fibers: Fibers
  private hooks: AnyHooks | undefined
  private queue: HookQueue | undefined
  /** Of the last dial. */
  private epoch = 0
  private isReconnecting = false
  private isListening = false

  constructor(connection: string, fibers: Fibers) {
    this.log = new Log(fibers, connection)
    this.fibers = fibers
  }

  emit(event: () => ConnectionEvent): void {
    if (this.events.active) this.events.publish([event()])
  }

  /** An event of the lifecycle, which is built in any case: it goes to the log too. */
  happened(event: ConnectionEvent): void {
    this.events.publish([event])
    this.log.event(event)
    this.tell(event)
  }

  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void {
    this.counters.drop(reason, count)
    this.emit(() => ({ _tag: "Dropped", where, reason, count }))
  }

  waiting(reason: SendersWaiting["for"] | undefined): void {
    this.emit(() => (reason === undefined ? { _tag: "SendersFree" } : { _tag: "SendersWaiting", for: reason }))
  }

  get showsFrames(): boolean {
    return this.hooks?.onText !== undefined || this.hooks?.onBinary !== undefined
  }

  /** The hooks from now on. `onMessage` is shown what comes in, a turn's messages at a time. */
  listen<In>(hooks: AnyHooks | undefined, inbox: MessageSource<In>, owner: Defers): void {
    this.hooks = hooks
    if (hooks?.onMessage === undefined || this.isListening) return
    this.isListening = true
    let batch: Array<In> = []
    const add = (messages: ReadonlyArray<In>, epoch: number) => {
      const each = this.hooks?.onMessage as OnMessage<In> | undefined
      if (each !== undefined) this.hookQueue.addAll(epoch, "onMessage", messages, (message) => each(message, epoch))
    }
    let last = 0
    const flush = () => {
      const messages = batch
      batch = []
      add(messages, last)
    }
    inbox.addTap({
      claim: (message, epoch) => {
        if (batch.length > 0 && epoch !== last) flush()
        last = epoch
        if (batch.push(message) === 1) owner.defer(flush)
        return false
      }
    })
  }

  /** Warns once if nothing can find out that the peer is gone, and nobody said that this is meant. */
  unwatched({ options, policies }: Beating, ofTarget: Heartbeat | undefined): void {
    if (options.heartbeat !== undefined || ofTarget !== undefined || policies.heartbeat !== none) return
    this.log.write(["Warn", unwatched])
  }

  /** What becomes of an outage, for hooks. */
  private tell(event: ConnectionEvent): void {
    const { epoch } = this
    switch (event._tag) {
      case "DialStarted":
        this.epoch = event.epoch
        return
      case "RetryScheduled":
        this.isReconnecting = true
        return this.hook(epoch, "onReconnecting", event)
      case "GatePassed":
        if (event.gate !== "Ready" || !this.isReconnecting) return
        this.isReconnecting = false
        return this.hook(event.epoch, "onReconnected", event.epoch)
      case "GaveUp":
        this.isReconnecting = false
        return this.hook(epoch, "onReconnectFailed", event.error, epoch)
      default:
    }
  }

  private get hookQueue(): HookQueue {
    return (this.queue ??= new HookQueue(this.fibers, this))
  }

  hook<Name extends HookName>(epoch: number, name: Name, ...given: HookInput<Name>): void {
    // Each name has its own input, which TypeScript does not follow through the lookup.
    const hook = this.hooks?.[name] as ((...given: HookInput<Name>) => Effect.Effect<unknown, unknown>) | undefined
    if (hook === undefined) return
    this.hookQueue.addAll(epoch, name, [given], (given) => hook.apply(this.hooks, given))
  }
}
