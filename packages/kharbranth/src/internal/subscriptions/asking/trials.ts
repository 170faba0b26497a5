/**
 * What one connection may ask for while topics are under suspicion, and what the
 * end of a session says about them. The suspicion itself, which the members of a
 * pool share, is in `quarantine.ts`.
 */
import type { ConnectionError } from "../../../ConnectionError.ts"
import type { SubscriptionEvent } from "../../../Subscriptions.ts"
import { isOurs } from "../../session/ending.ts"
import type { SessionTopics } from "../sessionTopics.ts"
import type { Quarantine } from "./quarantine.ts"

/** What trials see of their connection's topics. */
interface Topics {
  readonly active: SessionTopics | undefined
  readonly sessions: ReadonlyMap<number, SessionTopics>
  /** Those that are wanted. */
  readonly topics: ReadonlyMap<string, unknown>
  /** Publishes their states. */
  showAll(keys: ReadonlyArray<string>): void
}

interface TrialsOwner {
  /** Monotonic milliseconds. */
  mono(): number
  /** Unix milliseconds. */
  wall(): number
  emit(event: () => SubscriptionEvent): void
  changed(): void
}

/** Ends in which the peer or the network closed the socket. A peer that fell silent proves nothing. */
const cuts: ReadonlySet<ConnectionError["_tag"]> = new Set([
  "ConnectionDropped",
  "ConnectionClosed",
  "ReadError",
  "WriteError"
])

const isCut = (error: ConnectionError): boolean => cuts.has(error._tag) && !isOurs(error)

export class Trials {
  private readonly registry: Topics
  private readonly owner: TrialsOwner
  private readonly quarantine: Quarantine
  private readonly isWanted: (key: string) => boolean

  constructor(registry: Topics, owner: TrialsOwner, quarantine: Quarantine) {
    this.registry = registry
    this.owner = owner
    this.quarantine = quarantine
    this.isWanted = (key) => registry.topics.has(key)
  }

  /** What a session may be asked for now: suspects wait until all else is answered, and then go group by group. */
  askable(session: SessionTopics, missing: ReadonlyArray<string>): ReadonlyArray<string> {
    const { quarantine } = this
    if (quarantine.isIdle || missing.length === 0) return missing
    const unanswered = session.withoutAnswer
    // Nothing goes beside suspects: if the session ends, it is known by whom.
    if (unanswered.some((key) => quarantine.isSuspect(key))) return []
    const unsuspected = missing.filter((key) => !quarantine.isSuspect(key) && quarantine.stateOf(key) === undefined)
    if (unsuspected.length > 0) return unsuspected
    return session === this.registry.active && unanswered.length === 0
      ? quarantine.next(missing, this.hasWorked(session))
      : []
  }

  /** These are asked for in a session. */
  asked(keys: ReadonlyArray<string>): void {
    if (!this.quarantine.isIdle) this.quarantine.ask(keys)
  }

  /** A session is over: topics without an answer may have ended it. */
  ended(session: SessionTopics, error: ConnectionError): void {
    const { owner, quarantine } = this
    const { epoch } = session
    const mono = owner.mono()
    const keys = session.unansweredSince(mono - quarantine.settings.within)
    if (keys.length === 0 || !isCut(error)) return
    const ending = { hasWorked: this.hasWorked(session), by: error._tag, mono, wall: owner.wall() }
    const found = quarantine.blame(keys, ending)
    for (const key of keys) if (!this.isWanted(key)) quarantine.clear(key)
    owner.emit(() => ({ _tag: "Suspected", epoch, topics: keys }))
    const state = found === undefined ? undefined : quarantine.stateOf(found)
    if (found === undefined || state === undefined) return
    owner.emit(() => ({ _tag: "Quarantined", epoch, topic: found, reason: state.reason }))
    this.show([found])
  }

  /** A topic is answered: it ends no session. */
  answered(key: string): void {
    if (this.quarantine.clear(key)) this.owner.changed()
  }

  /** Asks again for a topic in quarantine; returns whether it was there. */
  retry(key: string): boolean {
    const isEnded = this.quarantine.end(key)
    if (isEnded) this.show([key])
    return isEnded
  }

  /** When suspects may go on, or a quarantine ends. */
  get nextDue(): number {
    const { active } = this.registry
    const { quarantine } = this
    if (quarantine.isIdle) return Infinity
    const { within } = quarantine.settings
    const end = quarantine.nextEnd(this.isWanted)
    if (active === undefined) return end
    const worksAt = this.hasWorked(active) ? Infinity : active.readyAt + within
    return Math.min(end, worksAt, active.unansweredFrom + within)
  }

  /** Clears suspects that their session has outlived, and ends quarantines that have lasted long enough. */
  due(mono: number): void {
    const { quarantine } = this
    if (quarantine.isIdle) return
    for (const session of this.registry.sessions.values()) session.outlive(mono - quarantine.settings.within)
    const ended = quarantine.endDue(this.isWanted, mono)
    if (ended.length > 0) this.show(ended)
  }

  private show(keys: ReadonlyArray<string>): void {
    this.registry.showAll(keys)
    this.owner.changed()
  }

  // A server in trouble ends sessions by itself: the end of one that has not worked yet proves nothing.
  private hasWorked(session: SessionTopics): boolean {
    return session.hasAnswered || this.owner.mono() - session.readyAt >= this.quarantine.settings.within
  }
}
