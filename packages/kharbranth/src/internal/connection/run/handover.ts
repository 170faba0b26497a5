/**
 * The boundaries between sessions, as the reader sees them: a Gap where one was
 * interrupted, and for a swap an overlap in which the old session still
 * delivers and the new one waits. An overlap that is cut short is an interruption.
 */
import type * as Connection from "../../../Connection.ts"
import { type ConnectionError, ConnectionDropped } from "../../../ConnectionError.ts"
import * as Entries from "../../../Inbox.ts"
import type { Inbox } from "../../inbox/inbox.ts"
import type { Phase } from "../../lifecycle/model.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import { toldOf } from "../../session/ending.ts"
import type { Session } from "../../session/session.ts"
import { Rotation } from "./rotation.ts"

/** What the handover sees of its connection. */
interface HandoverOwner<In, Out> {
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  /** Where the lifecycle is: it alone says which session is active, successor or retiring. */
  readonly phase: Phase
  /** The session that messages flow through. */
  readonly active: Session<In, Out> | undefined
  readonly sessions: ReadonlyArray<Session<In, Out>>
  wall(): number
  /** The reader is shown a Gap. */
  gap(cause: ConnectionError): void
  rotate(reason: string): void
  /** Asks for `due` after the length of an overlap. */
  armOverlap(): void
  /** The old session of a swap is done. */
  overlapped(old: Session<In, Out>): void
}

/** An overlap: a session that is Ready waits while the old one still delivers. */
interface Overlap<In, Out> {
  readonly session: Session<In, Out>
  readonly old: Session<In, Out>
  /** Whether all that the server had sent by the old session at the swap has come; unknown until it has answered. */
  complete: boolean | undefined
  /** The overlap has had its time. */
  over: boolean
}

/** A session that may still deliver while another is dialed, and how many frames it had brought by then. */
interface Beside<In, Out> {
  readonly old: Session<In, Out>
  readonly frames: number
}

const nobody: ReadonlyArray<never> = []

export class Handover<In, Out> {
  readonly rotation: Rotation<In>
  private readonly owner: HandoverOwner<In, Out>
  private overlap: Overlap<In, Out> | undefined
  /** The sessions that the last one was dialed beside. */
  private beside: ReadonlyArray<Beside<In, Out>> = nobody
  /** The epoch of the last old session whose overlap was cut short. */
  private cutShort: number | undefined
  /** When the session whose messages the reader gets began to deliver. */
  private enteredAt = -Infinity
  /** What the last session that was Ready left behind. */
  private interrupted: { readonly from: number; readonly cause: ConnectionError } | undefined

  constructor(owner: HandoverOwner<In, Out>, options: Connection.Rotate<In> | undefined) {
    this.owner = owner
    this.rotation = Rotation.of(options)
  }

  /** A session is dialed: from now on the server may say the same to it and to those that still deliver. */
  dialed(): void {
    const { sessions } = this.owner
    this.beside = sessions.length === 0 ? nobody : sessions.filter((one) => !one.isOver).map(besideOf)
  }

  /** In how many milliseconds the active session is to be replaced. */
  dueIn(chance: number): number {
    const now = this.owner.wall()
    return this.rotation.due(now, this.owner.active?.expiresAt, chance) - now
  }

  /** The session that messages flowed through is lost. */
  interrupt(cause: ConnectionError): void {
    this.interrupted = { from: this.wholeUntil(), cause }
  }

  // An older session's last message says nothing about the one that is lost.
  private wholeUntil(): number {
    return Math.max(this.enteredAt, this.owner.inbox.lastMessageAt ?? -Infinity)
  }

  /** A session is Ready, and nobody delivers beside it. */
  begin(session: Session<In, Out>): void {
    const { inbox, sessions } = this.owner
    const { epoch, resumed } = session
    for (const other of sessions) if (other !== session) other.mute()
    if (this.interrupted !== undefined) {
      inbox.mark(Entries.gap({ epoch, ...this.interrupted, to: this.owner.wall(), resumed }))
      this.owner.gap(this.interrupted.cause)
      this.interrupted = undefined
    }
    this.enter(session, false)
    this.forgetLater()
  }

  /** A successor is Ready: it waits until the overlap is over. */
  hold(session: Session<In, Out>, old: Session<In, Out>): void {
    const overlap: Overlap<In, Out> = { session, old, complete: undefined, over: false }
    this.overlap = overlap
    old.liveness?.ask((complete) => {
      overlap.complete = complete
      this.settle(overlap)
    })
  }

  // An old session that only seems alive, or lags, ends with a Gap like one that is seen to end too early.
  private settle(overlap: Overlap<In, Out>): void {
    if (this.overlap !== overlap || !overlap.over || overlap.complete === undefined) return
    if (overlap.complete) this.finish(overlap)
    else this.release(overlap.session)
  }

  /** If it is what waits, it waits no longer: what the old session would still have brought is lost. */
  release(session: Session<In, Out>): void {
    const { overlap } = this
    if (overlap?.session !== session) return
    const { connection, epoch } = overlap.old
    this.cut(overlap, new ConnectionDropped({ connection, epoch, cause: undefined }))
  }

  /** Gives its end as taps are told it. */
  ended(session: Session<In, Out>, error: ConnectionError): ConnectionError {
    const { overlap } = this
    const told = toldOf(session, error, session === overlap?.old || session.epoch === this.cutShort)
    if (overlap?.old === session) this.cut(overlap, told)
    return told
  }

  /** However a session ends before its time, even by a close of the server: whether the successor has the rest is unknown. */
  private cut(overlap: Overlap<In, Out>, cause: ConnectionError): void {
    const { inbox } = this.owner
    const { old, session } = overlap
    inbox.flush()
    if (this.overlap !== overlap) return
    const { epoch, resumed } = session
    this.cutShort = old.epoch
    inbox.mark(Entries.gap({ epoch, from: this.wholeUntil(), to: this.owner.wall(), cause, resumed }))
    this.owner.gap(cause)
    this.finish(overlap)
  }

  /** The overlap is over: the old session falls silent, the new one delivers. */
  private finish(overlap: Overlap<In, Out>): void {
    // The keys of what came in this turn count.
    this.owner.inbox.flush()
    if (this.overlap !== overlap) return
    this.overlap = undefined
    this.enter(overlap.session, true)
    this.owner.overlapped(overlap.old)
    this.forgetLater()
  }

  /** Its messages go to the reader from now on. */
  private enter(session: Session<In, Out>, rotated: boolean): void {
    const { owner, rotation } = this
    const { epoch } = session
    this.enteredAt = owner.wall()
    const doubles = this.beside.reduce((sum, { frames, old }) => sum + old.dataFrames - frames, 0)
    const possibleDuplicates = rotation.remembers ? 0 : doubles
    this.beside = nobody
    owner.inbox.mark(Entries.sessionOpened({ epoch, rotated, possibleDuplicates }))
    session.release(
      rotation.remembers ? session.early.messages().filter((one) => !rotation.seen(one, epoch)) : undefined
    )
  }

  /** What the old session delivered may still be on its way to the new one, for about as long as they overlapped. */
  forgetLater(): void {
    if (this.rotation.remembers && this.overlap === undefined && !this.isUnderWay) this.owner.armOverlap()
  }

  /** Whether a session is being dialed or opened. */
  private get isUnderWay(): boolean {
    const { phase } = this.owner
    return phase._tag === "Dialing" || hasSuccessor(phase)
  }

  /** Whether the next session was dialed while this one could still deliver. */
  private isBeside(epoch: number): boolean {
    return this.beside.some(({ old }) => old.epoch === epoch)
  }

  due(): void {
    const { overlap } = this
    if (overlap !== undefined) {
      overlap.over = true
      this.settle(overlap)
    }
    // What the session beside which the next one is dialed has brought counts for that one.
    else this.rotation.end((epoch) => this.isUnderWay && this.isBeside(epoch))
  }

  /** The core's own tap: acknowledgements, rotation notices, keys for an overlap. */
  listen(): void {
    const { inbox, outbox } = this.owner
    const { dedupe, notice } = this.rotation
    if (!outbox.wantsAcks && notice === undefined && dedupe === undefined) return
    inbox.addTap({
      claim: (message, epoch) => {
        if (outbox.wantsAcks) outbox.acknowledge(message)
        if (notice !== undefined && epoch === activeEpoch(this.owner.phase) && notice(message)) {
          this.owner.rotate("the server announced its end")
        }
        return dedupe !== undefined && this.claims(message, epoch)
      }
    })
  }

  private claims(message: In, epoch: number): boolean {
    const { overlap, rotation } = this
    const isOld = overlap === undefined ? this.isUnderWay && this.isBeside(epoch) : epoch === overlap.old.epoch
    const isRepeated = (isOld || overlap === undefined) && rotation.seen(message, epoch)
    if (isOld && !isRepeated) rotation.remember(message, epoch)
    return isRepeated
  }
}

const besideOf = <In, Out>(old: Session<In, Out>): Beside<In, Out> => ({ old, frames: old.dataFrames })

const activeEpoch = (phase: Phase): number | undefined => (phase._tag === "Live" ? phase.epoch : undefined)

const hasSuccessor = (phase: Phase): boolean => phase._tag === "Live" && phase.successor !== undefined
