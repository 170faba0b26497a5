/**
 * The boundaries between sessions, as the reader sees them: a Gap where one was
 * interrupted, and for a swap an overlap in which the old session still
 * delivers and the new one waits.
 */
import type * as Connection from "../Connection.ts"
import type { ConnectionError } from "../ConnectionError.ts"
import * as Entries from "../Inbox.ts"
import type { Inbox } from "./inbox.ts"
import type { Outbox } from "./outbox.ts"
import { Rotation } from "./rotation.ts"
import type { Session } from "./session.ts"

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
  overlapped(old: Session<In, Out> | undefined): void
}

interface Held<In, Out> {
  readonly session: Session<In, Out>
  /** The epoch of the session that still delivers. */
  readonly from: number
}

export class Handover<In, Out> {
  readonly rotation: Rotation<In>
  private readonly owner: Owner<In, Out>
  private held: Held<In, Out> | undefined
  /** What the last session that was Ready left behind. */
  private interrupted: { readonly from: number | undefined; readonly cause: ConnectionError } | undefined

  constructor(owner: Owner<In, Out>, options: Connection.Rotate<In> | undefined) {
    this.owner = owner
    this.rotation = Rotation.of(options)
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
    inbox.mark(Entries.sessionOpened({ epoch, rotated: false, possibleDuplicates: 0 }))
    session.release()
    this.forgetLater()
  }

  /** A successor is Ready: it waits until the overlap is over. */
  hold(session: Session<In, Out>, from: number): void {
    this.held = { session, from }
  }

  /** It may deliver, if it is what waits. */
  release(session: Session<In, Out>): void {
    if (this.held?.session === session) this.finish()
  }

  /** Tells whether it was cut within its overlap. */
  ended(session: Session<In, Out>): boolean {
    const cutShort = this.held?.from === session.epoch
    if (cutShort) this.finish()
    if (this.held?.session === session) this.held = undefined
    return cutShort
  }

  /** The overlap is over: the old session falls silent, the new one delivers. */
  finish(): void {
    const { held, rotation } = this
    if (held === undefined) return
    this.held = undefined
    const old = this.owner.sessions.find(({ epoch }) => epoch === held.from)
    const waiting = held.session.opening.messages()
    const fresh = rotation.remembers ? waiting.filter((message) => !rotation.seen(message)) : waiting
    const possibleDuplicates = rotation.remembers ? 0 : waiting.length
    this.owner.inbox.mark(Entries.sessionOpened({ epoch: held.session.epoch, rotated: true, possibleDuplicates }))
    held.session.release(fresh)
    this.owner.overlapped(old)
    this.forgetLater()
  }

  /** What the old session delivered may still be on its way to the new one, for about as long as they overlapped. */
  forgetLater(): void {
    const { held, owner, rotation } = this
    if (!rotation.remembers || held !== undefined) return
    const underWay = owner.sessions.some(({ gate, over }) => !over && (gate === "Dialing" || gate === "Open"))
    if (!underWay) owner.armOverlap()
  }

  due(): void {
    if (this.held !== undefined) this.finish()
    // The next successor is being dialed already: what the old session delivers now counts for that one.
    else if (!this.owner.hasSuccessor) this.rotation.end()
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
    const isOld = held === undefined ? epoch === owner.active?.epoch && owner.hasSuccessor : epoch === held.from
    if (isOld) rotation.remember(message)
    return !isOld && held === undefined && rotation.seen(message)
  }
}
