/** Gaps and losses of all connections together over the last hour, in steps of a minute. */

interface Counts {
  readonly gaps: number
  readonly losses: number
}

const minute = 60_000
const minutes = 60

export class History {
  private now: Counts = { gaps: 0, losses: 0 }
  /** The counts at the begin of each minute; the first is what the hour is measured from. */
  private readonly marks: Array<Counts & { readonly at: number }> = []

  /** So many more of a connection. */
  add(gaps: number, losses: number): void {
    if (gaps === 0 && losses === 0) return
    this.now = { gaps: this.now.gaps + gaps, losses: this.now.losses + losses }
  }

  /** Time has passed. */
  mark(at: number): void {
    const last = this.marks.at(-1)
    if (last === undefined || at - last.at >= minute) this.marks.push({ ...this.now, at })
    if (this.marks.length > minutes + 1) this.marks.shift()
  }

  get lastHour(): Counts {
    const [first = this.now] = this.marks
    return { gaps: this.now.gaps - first.gaps, losses: this.now.losses - first.losses }
  }
}
