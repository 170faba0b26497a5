/**
 * One line's copy of a book: fed with what the line brings of the topic, in order,
 * and stale at once when the line says that something is missing. It decides
 * nothing about how to mend the book; `mend.ts` does.
 */
import type * as Subscriptions from "kharbranth/Subscriptions"
import * as Book from "../../Book.ts"
import type { BookUpdate, Reason } from "../../FeedEvent.ts"
import type { Topic } from "../../Topic.ts"
import { Waiting } from "../kit/waiting.ts"
import type { Incoming, LineSession } from "../line/incoming.ts"
import type { Line } from "../line/line.ts"
import type { Watcher } from "../line/members.ts"

/** Who uses the book. */
export interface LegOwner {
  readonly now: () => number
  /** An update was applied to the book of this leg; `whole` when the book is right again by it. */
  applied(leg: BookLeg, update: BookUpdate, whole: boolean): void
  /** The book, or whether it can be believed, has changed. */
  changed(): void
}

/** Kinds of numbering that hold across sessions. */
const numbered: ReadonlySet<string> = new Set(["range", "chain", "counter"])

export class BookLeg implements Watcher {
  readonly line: Line
  readonly index: number
  readonly topic: Topic
  readonly book: Book.Book
  /** Woken when the book turns right or wrong, or what the line says of it changes. */
  readonly waiting = new Waiting()
  /** The topic is subscribed in a session that lives. */
  isOn = false
  /** How often the book was lost, and how long it had been right when it last was. */
  losses = 0
  rightFor = 0
  private readonly owner: LegOwner
  /** The session that the book's updates come by. */
  private session: LineSession | undefined
  /** What that session had counted as lost when the last update came. */
  private gaps = 0
  /** The session has changed without a gap: it may repeat what the one before it brought. */
  private catchingUp = false
  private wasSynced = false
  /** What decides whether the book needs mending, when it was last looked at. */
  private need = 0
  private syncedAt = 0

  constructor(line: Line, index: number, topic: Topic, owner: LegOwner) {
    this.line = line
    this.index = index
    this.topic = topic
    this.owner = owner
    this.book = Book.make(line.venue.continuity)
  }

  get isSynced(): boolean {
    return this.book.status._tag === "Synced"
  }

  /** The venue has asked for patience. */
  get isPaused(): boolean {
    return this.session?.paused === true
  }

  // -------------------------------------------------------------- what comes

  take(incoming: Incoming): void {
    this.took(incoming)
    this.settle()
  }

  /** Frames may be missing before the next one; the topic is subscribed again. */
  interruptedBy(reason: Reason): void {
    this.lose(reason)
    this.session = undefined
    this.isOn = true
    this.settle()
  }

  stands(state: Subscriptions.TopicState): void {
    switch (state._tag) {
      case "Confirmed":
        this.isOn = true
        break
      case "Silent":
        // Nothing proves that changes would come.
        if (!state.delivered) this.lose("silent")
        break
      case "Rejected":
      case "Quarantined":
        this.isOn = false
        this.lose(state._tag === "Rejected" ? "rejected" : "quarantined")
        break
      case "Waiting":
      case "Asked":
      case "Released":
        break
    }
    this.settle()
  }

  interrupted(reason: Reason): void {
    if (reason === "disconnected") this.isOn = false
    this.lose(reason)
    this.settle()
  }

  resumed(): void {
    this.settle()
  }

  /** A snapshot came over HTTP. Returns whether the book is right now. */
  bootstrap(snapshot: BookUpdate): boolean {
    // Since it was asked for, the socket may have gone or the stream may have brought a snapshot.
    if (!this.isOn || this.isSynced) return this.isSynced
    const outcome = Book.bootstrap(this.book, snapshot)
    if (outcome._tag !== "Gap") this.owner.applied(this, snapshot, true)
    this.settle()
    return this.isSynced
  }

  private took(incoming: Incoming): void {
    const { session } = incoming
    // The session that was replaced may still deliver; the new one brings all of it.
    if (this.session !== undefined && session.order < this.session.order) return
    if (session !== this.session) {
      this.catchingUp = this.session !== undefined
      this.session = session
      this.isOn = !session.over
    } else if (incoming.gaps !== this.gaps) this.lose("connection")
    this.gaps = incoming.gaps
    const events = this.line.decode(this.topic, incoming)
    if (events === undefined) return this.lose("malformed")
    for (const event of events) if (event._tag === "BookUpdate") this.apply(event)
  }

  private apply(update: BookUpdate): void {
    if (this.catchingUp && this.isRepeated(update)) return
    const before = this.isSynced
    const outcome = Book.apply(this.book, update)
    if (outcome._tag === "Applied") this.owner.applied(this, update, !before)
    else if (outcome._tag === "Gap") this.owner.changed()
  }

  /** The venue's numbers tell what the session before this one has brought; without numbers a snapshot has to come. */
  private isRepeated(update: BookUpdate): boolean {
    if (update.kind === "delta" && this.isSynced) {
      const { continuity, sequence } = this.book
      if (!numbered.has(continuity.sequencer.kind)) this.lose("disconnected")
      else if (update.last !== undefined && sequence !== undefined && update.last <= sequence) return true
    }
    this.catchingUp = false
    return false
  }

  private lose(reason: Reason): void {
    const before = this.isSynced
    Book.invalidate(this.book, reason, this.owner.now())
    if (before) this.owner.changed()
  }

  private turned(isSynced: boolean): void {
    this.wasSynced = isSynced
    const now = this.owner.now()
    if (isSynced) this.syncedAt = now
    else {
      this.losses++
      this.rightFor = now - this.syncedAt
    }
  }

  /** What came by a session that is over, or that has lost frames since, is not believed. */
  private settle(): void {
    const { session } = this
    if (session?.over === true) {
      this.isOn = false
      this.lose("disconnected")
    }
    if (session !== undefined && session.gaps !== this.gaps) this.lose("connection")
    if (session?.paused === true) this.lose("maintenance")
    if (this.isSynced !== this.wasSynced) this.turned(this.isSynced)
    this.owner.changed()
    const { isOn, isPaused, isSynced } = this
    const need = (isOn ? 1 : 0) + (isPaused ? 2 : 0) + (isSynced ? 4 : 0)
    if (need === this.need) return
    this.need = need
    this.waiting.wake()
  }
}
