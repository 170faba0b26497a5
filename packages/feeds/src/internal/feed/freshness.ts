/**
 * Whether a topic is up to date, over the lines that carry it (one, or several
 * that carry the same): a line that misses something is no gap while another
 * one is whole.
 */
import type { Marker, Reason } from "../../FeedEvent.ts"

interface Leg {
  /** Since when it has missed nothing, in Unix milliseconds. */
  wholeSince: number | undefined
}

const verdicts: ReadonlySet<Reason> = new Set(["rejected", "quarantined"])

const none: ReadonlyArray<Marker> = []

export class Freshness {
  private readonly legs: ReadonlyArray<Leg>
  /** Since when the topic is stale, if it is, and why. */
  private staleSince: number | undefined
  private staleFor: Reason | undefined

  constructor(legs: number) {
    this.legs = Array.from({ length: legs }, () => ({ wholeSince: undefined }))
  }

  get isStale(): boolean {
    return this.staleSince !== undefined
  }

  /** A leg is not up to date any more. */
  lost(leg: number, reason: Reason, now: number, detail?: string): ReadonlyArray<Marker> {
    this.legs[leg]!.wholeSince = undefined
    if (this.legs.some(({ wholeSince }) => wholeSince !== undefined)) return none
    // That the venue does not want it is news, whatever was the matter before.
    const isNews = this.staleSince === undefined || (verdicts.has(reason) && reason !== this.staleFor)
    if (!isNews) return none
    this.staleSince ??= now
    this.staleFor = reason
    return [{ _tag: "Stale", reason, since: now, detail }]
  }

  /** A leg goes on after it has missed something. */
  gap(leg: number, reason: Reason, from: number | undefined, to: number): ReadonlyArray<Marker> {
    const since = from ?? to
    const isCovered = this.legs.some(
      ({ wholeSince }, index) => index !== leg && wholeSince !== undefined && wholeSince <= since
    )
    const back = this.alive(leg, to)
    return isCovered ? back : [{ _tag: "Gap", reason, from, to }, ...back]
  }

  /** Something came by a leg. */
  alive(leg: number, now: number): ReadonlyArray<Marker> {
    const one = this.legs[leg]!
    if (one.wholeSince !== undefined) return none
    one.wholeSince = now
    const since = this.staleSince
    this.staleSince = undefined
    return since === undefined ? none : [{ _tag: "Resynced", at: now, after: now - since }]
  }
}
