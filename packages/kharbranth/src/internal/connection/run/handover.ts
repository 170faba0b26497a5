/**
 * The boundaries between sessions, as the reader sees them: a Gap where one was
 * interrupted, and for a swap an overlap in which the old session still
 * delivers and the new one waits. An overlap that is cut short is an interruption.
 */
import type * as Connection from "../../../Connection.ts"
import { type ConnectionError, ConnectionDropped } from "../../../ConnectionError.ts"
import * as Entries from "../../../Inbox.ts"
import type { Inbox } from "../../inbox/inbox.ts"
import type { Outbox } from "../../outbox/outbox.ts"
import { Rotation } from "./rotation.ts"
import type { Session } from "../../session/session.ts"
import { toldOf } from "./taps.ts"

interface Owner<In, Out> {
  readonly inbox: Inbox<In>
  readonly outbox: Outbox<In, Out>
  readonly active: Session<In, Out> | undefined
  readonly hasSuccessor: boolean
  readonly sessions: ReadonlyArray<Session<In, Out>>
  wall(): number
  rotate(reason: string): void
  /** Asks for `due` after the length of an overlap. */
  armOverlap(): void
  /** The old session of a swap is done. */
  overlapped(old: Session<In, Out>): void
}

interface Held<In, Out> {
  readonly session: Session<In, Out>
  /** The session that still delivers. */
  readonly old: Session<In, Out>
  /** What its `onOpen` returned, should the overlap be cut short. */
  readonly resumed: unknown
  /** Whether all that the server had sent by the old session at the swap has come; unknown until it has answered. */
  complete: boolean | undefined
  /** The overlap has had its time. */
  over: boolean
}

export class Handover<In, Out> {
  readonly rotation: Rotation<In>
  private readonly owner: Owner<In, Out>
  private held: Held<In, Out> | undefined
  /** The session that a successor was dialed beside, and how many frames it had brought by then. */
  private beside: { readonly old: Session<In, Out>; readonly frames: number } | undefined
  /** The epoch of the last old session whose overlap was cut short. */
  private cutShort: number | undefined
  /** What the last session that was Ready left behind. */
  private interrupted: { readonly from: number | undefined; readonly cause: ConnectionError } | undefined

  constructor(owner: Owner<In, Out>, options: Connection.Rotate<In> | undefined) {
    this.owner = owner
    this.rotation = Rotation.of(options)
  }

  /** A successor is dialed: from now on the server may say the same to both. */
  dialed(): void {
    const { active } = this.owner
    this.beside = active && { old: active, frames: active.dataFrames }
  }

  /** The session that messages flowed through is lost. */
  interrupt(session: Session<In, Out>, cause: ConnectionError): void {
    this.interrupted = { from: this.owner.inbox.lastMessageAt ?? session.endedAt, cause }
  }

  /** A session is Ready, and nobody delivers beside it. */
  begin(session: Session<In, Out>, resumed: unknown): void {
    const { active, inbox, sessions } = this.owner
    const { epoch } = session
    for (const other of sessions) if (other !== session && other !== active) other.mute()
    if (this.interrupted !== undefined) {
      inbox.mark(Entries.gap({ epoch, ...this.interrupted, to: this.owner.wall(), resumed }))
      this.interrupted = undefined
    }
    this.enter(session, false)
    this.forgetLater()
  }

  /** A successor is Ready: it waits until the overlap is over. */
  hold(session: Session<In, Out>, old: Session<In, Out>, resumed: unknown): void {
    const held: Held<In, Out> = { session, old, resumed, complete: undefined, over: false }
    this.held = held
    old.ask((complete) => {
      held.complete = complete
      this.settle(held)
    })
  }

  // An old session that only seems alive, or lags, ends with a Gap like one that is seen to end too early.
  private settle(held: Held<In, Out>): void {
    if (this.held !== held || !held.over || held.complete === undefined) return
    if (held.complete) this.finish()
    else this.release(held.session)
  }

  /** If it is what waits, it waits no longer: what the old session would still have brought is lost. */
  release(session: Session<In, Out>): void {
    const { held } = this
    if (held?.session !== session) return
    const { connection, epoch } = held.old
    this.cut(held, new ConnectionDropped({ connection, epoch, cause: undefined }))
  }

  /** Gives its end as taps are told it. */
  ended(session: Session<In, Out>, error: ConnectionError): ConnectionError {
    const { held } = this
    const told = toldOf(session, error, session === held?.old || session.epoch === this.cutShort)
    if (held?.old === session) this.cut(held, told)
    return told
  }

  /** However a session ends before its time, even by a close of the server: whether the successor has the rest is unknown. */
  private cut(held: Held<In, Out>, cause: ConnectionError): void {
    const { inbox } = this.owner
    const { old, resumed, session } = held
    inbox.flush()
    if (this.held !== held) return
    const { epoch } = session
    this.cutShort = old.epoch
    inbox.mark(Entries.gap({ epoch, from: inbox.lastMessageAt, to: this.owner.wall(), cause, resumed }))
    this.finish()
  }

  /** The overlap is over: the old session falls silent, the new one delivers. */
  private finish(): void {
    const { held } = this
    if (held === undefined) return
    // The keys of what came in this turn count.
    this.owner.inbox.flush()
    if (this.held !== held) return
    this.held = undefined
    this.enter(held.session, true)
    this.owner.overlapped(held.old)
    this.forgetLater()
  }

  /** Its messages go to the reader from now on. */
  private enter(session: Session<In, Out>, rotated: boolean): void {
    const { beside, owner, rotation } = this
    const { epoch } = session
    this.beside = undefined
    const doubles = beside === undefined || session.dial.role === "active" ? 0 : beside.old.dataFrames - beside.frames
    const possibleDuplicates = rotation.remembers ? 0 : doubles
    owner.inbox.mark(Entries.sessionOpened({ epoch, rotated, possibleDuplicates }))
    session.release(
      rotation.remembers ? session.opening.messages().filter((one) => !rotation.seen(one, epoch)) : undefined
    )
  }

  /** What the old session delivered may still be on its way to the new one, for about as long as they overlapped. */
  forgetLater(): void {
    if (this.rotation.remembers && this.held === undefined && !this.isUnderWay) this.owner.armOverlap()
  }

  /** Whether a session is being dialed or opened. */
  private get isUnderWay(): boolean {
    return this.owner.sessions.some(({ gate, over }) => !over && (gate === "Dialing" || gate === "Open"))
  }

  due(): void {
    const { held } = this
    if (held !== undefined) {
      held.over = true
      this.settle(held)
    }
    // What the session beside which the next one is dialed has brought counts for that one.
    else this.rotation.end(this.isUnderWay ? this.beside?.old.epoch : undefined)
  }

  /** The core's own tap: acknowledgements, rotation notices, keys for an overlap. */
  listen(): void {
    const { inbox, outbox } = this.owner
    const { dedupe, notice } = this.rotation
    if (!outbox.wantsAcks && notice === undefined && dedupe === undefined) return
    inbox.addTap({
      claim: (message, epoch) => {
        if (outbox.wantsAcks) outbox.acknowledge([message])
        if (notice !== undefined && epoch === this.owner.active?.epoch && notice(message)) {
          this.owner.rotate("the server announced its end")
        }
        return dedupe !== undefined && this.claims(message, epoch)
      }
    })
  }

  private claims(message: In, epoch: number): boolean {
    const { held, owner, rotation } = this
    const isOld = held === undefined ? epoch === owner.active?.epoch && owner.hasSuccessor : epoch === held.old.epoch
    const isRepeated = (isOld || held === undefined) && rotation.seen(message, epoch)
    if (isOld && !isRepeated) rotation.remember(message, epoch)
    return isRepeated
  }
}
