/**
 * How far the entries of one name were published: by the owner before, and by this
 * one once its entries have ended. A `makeFirst` move gives it from one to the next, so
 * that readers of a bus need no marker where they have all that came before.
 */
import type { Place } from "./wireEntry.ts"

export class Publication {
  private before: Place | undefined
  private end: Place | undefined

  /** `before`: where the owner before ended, if the entries here follow on it. */
  constructor(before: Place | undefined) {
    this.before = before
  }

  /** Only the first that publishes follows on the owner before. */
  begin(): Place | undefined {
    const { before } = this
    this.before = undefined
    this.end = undefined
    return before
  }

  /** All entries have a number by now. */
  ended(place: Place | undefined): void {
    this.end = place
  }

  /** Where the next owner's entries follow; `undefined` while some may still come. */
  endedAt(): Place | undefined {
    return this.end
  }
}
