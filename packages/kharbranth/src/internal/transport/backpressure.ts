/**
 * How sockets are held back while the inbox is full: the one of the session, or
 * two of them during an overlap. A reader that stands still for too long lets
 * them go again. It comes with a transport that can pause.
 */
import type * as Duration from "effect/Duration"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Backpressure } from "../../Transport.ts"
import * as Check from "../model/check.ts"

/** What is held back: a link. */
export interface Source {
  pause(): void
  resume(): void
}

/** What it sees of the inbox. */
export interface BoundedInbox {
  readonly bytes: number
  readonly highMark: number
  /** Lets the taps have what is theirs. */
  settle(): void
  /** The policy of overflow applies: the end, or at most so many bytes stay. Whether it goes on. */
  curb(bytes: number): boolean
}

interface Stalling {
  readonly maxStall?: Duration.Input | undefined
}

/** How long a reader may stand still, in milliseconds. */
export const maxStallOf = (inbox: Stalling | undefined): number => Check.millisOr(inbox?.maxStall, "10 seconds")

/** What it sees of the connection. */
export interface BackpressureOwner {
  readonly epoch: number
  readonly options: { readonly inbox?: Stalling | undefined }
  readonly deadlines: { of(deadline: "stall", fire: () => void): { set(time: number): void } }
  /** Monotonic milliseconds. */
  mono(): number
  readonly reports: { emit(event: () => ConnectionEvent): void }
}

export class BackpressureControl {
  /** Whether the sources are paused. */
  paused = false
  private readonly inbox: BoundedInbox
  private readonly owner: BackpressureOwner
  private all: ReadonlyArray<Source> = none
  private armed = false
  /** Whether the reader has taken something since the timer was set. */
  private progress = false

  constructor(inbox: BoundedInbox, owner: BackpressureOwner) {
    this.inbox = inbox
    this.owner = owner
  }

  attach(source: Source): void {
    this.all = this.all.concat(source)
    if (this.paused) source.pause()
    else if (this.inbox.bytes >= this.inbox.highMark) this.pause()
  }

  /** Lets go of a source. One that was paused is resumed, so that its close can be seen. */
  detach(source: Source): void {
    this.all = this.all.filter((other) => other !== source)
    if (!this.paused) return
    source.resume()
    if (this.all.length === 0) this.resume()
  }

  pause(): void {
    if (this.paused || this.all.length === 0) return
    this.paused = true
    for (const source of this.all) source.pause()
    const { inbox, owner } = this
    owner.reports.emit(() => ({ _tag: "InboxPaused", epoch: owner.epoch, bytes: inbox.bytes }))
    // A pause that begins while the timer of an earlier one runs has not lasted as long as it.
    this.progress = this.armed
    if (!this.armed) this.arm()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    for (const source of this.all) source.resume()
    this.owner.reports.emit(() => ({ _tag: "InboxResumed", epoch: this.owner.epoch }))
  }

  /** The reader took something. */
  moved(): void {
    this.progress = true
  }

  private arm(): void {
    const { owner } = this
    const maxStall = maxStallOf(owner.options.inbox)
    this.armed = true
    owner.deadlines.of("stall", () => this.due()).set(owner.mono() + maxStall)
  }

  private due(): void {
    this.armed = false
    if (!this.paused) return
    if (!this.progress) return this.stalled()
    this.progress = false
    this.arm()
  }

  private stalled(): void {
    const { inbox, owner } = this
    inbox.settle()
    owner.reports.emit(() => ({ _tag: "ReaderStalled", epoch: owner.epoch, bytes: inbox.bytes }))
    if (inbox.curb(inbox.highMark / 4)) this.resume()
  }
}

const none: ReadonlyArray<Source> = []

/** Makes what holds the sockets of a connection back. */
export type MakeControl = (inbox: BoundedInbox, owner: BackpressureOwner) => BackpressureControl

const control: MakeControl = (inbox, owner) => new BackpressureControl(inbox, owner)

// To the public backpressure is opaque; only this room makes it.
export const backpressure = control as unknown as Backpressure

/** Holds a connection's sockets back while its inbox is full. */
export const controlBy = (backpressure: Backpressure): MakeControl => backpressure as unknown as MakeControl
