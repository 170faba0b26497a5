/** Gaps and losses of all connections together over the last hour, in steps of a minute. */
import type { Member } from "./member.ts"

interface Counts {
  readonly gaps: number
  readonly losses: number
}

const minute = 60_000
const minutes = 60

export class History {
  /** What connections that have ended counted. */
  private before: Counts = { gaps: 0, losses: 0 }
  private now: Counts = this.before
  /** The counts at the begin of each minute; the first is what the hour is measured from. */
  private readonly marks: Array<Counts & { readonly at: number }> = []

  left({ gaps, losses }: Member): void {
    this.before = { gaps: this.before.gaps + gaps, losses: this.before.losses + losses }
  }

  add(members: Iterable<Member>, at: number): void {
    let { gaps, losses } = this.before
    for (const member of members) {
      gaps += member.gaps
      losses += member.losses
    }
    this.now = { gaps, losses }
    const last = this.marks.at(-1)
    if (last === undefined || at - last.at >= minute) this.marks.push({ gaps, losses, at })
    if (this.marks.length > minutes + 1) this.marks.shift()
  }

  get lastHour(): Counts {
    const [first = this.now] = this.marks
    return { gaps: this.now.gaps - first.gaps, losses: this.now.losses - first.losses }
  }
}
