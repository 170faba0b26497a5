/**
 * Finds topics whose subscription ends the session that asks for it, and keeps them
 * from being asked for: some servers close the socket at an unknown topic, and take
 * every other topic down with it.
 *
 * Topics that were unanswered when a session ended are suspects. Suspects are asked
 * for again in groups, one group at a time; a group that ends its session is halved.
 * A cut by the network looks the same, so a suspect that is alone must end several
 * sessions in a row, each of which had shown before that it works. An answer clears
 * a suspect.
 *
 * Pure: time comes in as monotonic milliseconds.
 */
import type { TopicState } from "../../../Subscriptions.ts"

export type Quarantined = Extract<TopicState, { readonly _tag: "Quarantined" }>

export interface QuarantineSettings {
  /** How long after a request the end of its session counts against its topics; 0 turns the quarantine off. */
  readonly within: number
  /** How many sessions a suspect that is alone must end, in a row. */
  readonly deaths: number
  /** How long a quarantine lasts. */
  readonly lasts: number
}

interface Group {
  readonly keys: Set<string>
  /** Whether it waits until its session has shown that it works. */
  readonly needsProof: boolean
}

/** How a session ended. */
export interface Ending {
  /** Whether it had shown that it works. */
  readonly hasWorked: boolean
  /** What cut it, in one word. */
  readonly by: string
  /** Monotonic milliseconds. */
  readonly mono: number
  /** Unix milliseconds. */
  readonly wall: number
}

interface Held {
  readonly state: Quarantined
  readonly endsAt: number
}

const halvesOf = (keys: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const middle = Math.ceil(keys.length / 2)
  return [keys.slice(0, middle), keys.slice(middle)].filter((half) => half.length > 0)
}

export class Quarantine {
  readonly settings: QuarantineSettings
  /** In the order in which they are asked for: those that ended a session last come last. */
  private readonly groups = new Set<Group>()
  private readonly groupOf = new Map<string, Group>()
  /** Suspects that were asked for as such. One cut ends the sessions of many members at once, and is one proof. */
  private readonly tried = new Set<string>()
  /** How many sessions each suspect has ended alone. */
  private readonly deaths = new Map<string, number>()
  private readonly held = new Map<string, Held>()

  constructor(settings: QuarantineSettings) {
    this.settings = settings
  }

  /** Whether every topic may be asked for as usual. */
  get isIdle(): boolean {
    return this.groupOf.size === 0 && this.held.size === 0
  }

  isSuspect(key: string): boolean {
    return this.groupOf.has(key)
  }

  /** The state of a topic that is in quarantine. */
  stateOf(key: string): Quarantined | undefined {
    return this.held.get(key)?.state
  }

  /** A session ended while these were unanswered. Returns the topic that goes into quarantine, if one does. */
  blame(keys: ReadonlyArray<string>, ending: Ending): string | undefined {
    const { hasWorked } = ending
    const unsuspected = keys.filter((key) => !this.isSuspect(key))
    const suspects = keys.filter((key) => this.tried.has(key))
    for (const key of suspects) this.drop(key)
    for (const half of halvesOf(unsuspected)) this.add(half, false)
    // They were one group: nothing else is asked for beside it.
    for (const half of halvesOf(suspects)) this.add(half, !hasWorked || half.length === 1)
    const [only] = keys.length === 1 && hasWorked ? suspects : []
    return only === undefined ? undefined : this.count(only, ending)
  }

  /** These are asked for. */
  ask(keys: ReadonlyArray<string>): void {
    for (const key of keys) if (this.isSuspect(key)) this.tried.add(key)
  }

  private count(key: string, { by, mono, wall }: Ending): string | undefined {
    const { lasts } = this.settings
    const deaths = (this.deaths.get(key) ?? 0) + 1
    this.deaths.set(key, deaths)
    if (deaths < this.settings.deaths) return undefined
    this.clear(key)
    const reason = `${deaths} sessions in a row ended when it was asked for alone, the last by ${by}`
    const until = lasts === Infinity ? undefined : wall + lasts
    this.held.set(key, { state: { _tag: "Quarantined", since: wall, until, reason }, endsAt: mono + lasts })
    return key
  }

  /** The topic was answered. Returns whether it was a suspect. */
  clear(key: string): boolean {
    if (!this.groupOf.has(key)) return false
    this.drop(key)
    this.deaths.delete(key)
    return true
  }

  /** The suspects to ask for next, of those that are missing in a session in which nothing is unanswered. */
  next(missing: ReadonlyArray<string>, hasWorked: boolean): ReadonlyArray<string> {
    for (const { keys, needsProof } of this.groups) {
      const asked = needsProof && !hasWorked ? [] : missing.filter((key) => keys.has(key))
      if (asked.length > 0) return asked
    }
    return []
  }

  // ------------------------------------------------- the end of a quarantine

  /** When the next quarantine of these topics ends. */
  nextEnd(concerns: (key: string) => boolean): number {
    let next = Infinity
    for (const [key, { endsAt }] of this.held) if (endsAt < next && concerns(key)) next = endsAt
    return next
  }

  /** Ends the quarantines that have lasted long enough: one more death brings each of them back. */
  endDue(concerns: (key: string) => boolean, now: number): ReadonlyArray<string> {
    const due = [...this.held].filter(([key, { endsAt }]) => endsAt <= now && concerns(key)).map(([key]) => key)
    for (const key of due) {
      this.end(key)
      this.deaths.set(key, this.settings.deaths - 1)
    }
    return due
  }

  /** Ends a quarantine, and forgets what led to it. Returns whether there was one. */
  end(key: string): boolean {
    if (!this.held.delete(key)) return false
    this.add([key], true)
    return true
  }

  private add(keys: ReadonlyArray<string>, needsProof: boolean): void {
    const group = { keys: new Set(keys), needsProof }
    this.groups.add(group)
    for (const key of keys) this.groupOf.set(key, group)
  }

  private drop(key: string): void {
    const group = this.groupOf.get(key)
    this.groupOf.delete(key)
    this.tried.delete(key)
    group?.keys.delete(key)
    if (group?.keys.size === 0) this.groups.delete(group)
  }
}
