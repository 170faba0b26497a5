/**
 * Decides which members retire: those that have carried nothing for a while, the
 * longest empty first, while more than `min` are left. Pure: time comes in as
 * monotonic milliseconds.
 */

export interface RetirementOptions {
  /** How many members stay, empty or not. */
  readonly min: number
  /** How long a member must have been empty, in milliseconds; `Infinity` for ever. */
  readonly after: number
}

export class Retirement {
  private readonly options: RetirementOptions
  /** Since when each empty member has been empty. The longest empty is first. */
  private readonly emptySince = new Map<string, number>()
  private members = 0

  constructor(options: RetirementOptions) {
    this.options = options
  }

  /** Takes note of which members there are, and which of them carry nothing. */
  note(members: Iterable<string>, isEmpty: (name: string) => boolean, now: number): void {
    const names = new Set(members)
    this.members = names.size
    for (const name of this.emptySince.keys()) {
      if (!names.has(name) || !isEmpty(name)) this.emptySince.delete(name)
    }
    for (const name of names) {
      if (isEmpty(name) && !this.emptySince.has(name)) this.emptySince.set(name, now)
    }
  }

  /** When the next member is to retire; `Infinity` if none is. */
  get nextAt(): number {
    const [longest] = this.emptySince.values()
    return longest === undefined || this.members <= this.options.min ? Infinity : longest + this.options.after
  }

  /** The members that are to retire now. */
  due(now: number): ReadonlyArray<string> {
    const spare = Math.max(0, this.members - this.options.min)
    const due = [...this.emptySince].filter(([, since]) => since + this.options.after <= now)
    return due.slice(0, spare).map(([name]) => name)
  }
}
