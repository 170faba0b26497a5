/**
 * What the members have together. It is kept up as they change, because to read
 * ten thousand takes long: take a member out, change it, and put it in again.
 */
import type { Totals } from "../wire/wire.ts"
import type { Member } from "./member.ts"

/** Rates are added as whole thousandths: fractions that come and go would leave a rest. */
const fine = 1_000

export class Sums {
  private inRate = 0
  private outRate = 0
  private readonly blame = new Map<string, number>()

  add(member: Member): void {
    this.change(member, 1)
  }

  remove(member: Member): void {
    this.change(member, -1)
  }

  private change({ blame, inRate, outRate }: Member, by: 1 | -1): void {
    this.inRate += by * Math.round(inRate * fine)
    this.outRate += by * Math.round(outRate * fine)
    if (blame === undefined) return
    const count = (this.blame.get(blame) ?? 0) + by
    if (count === 0) this.blame.delete(blame)
    else this.blame.set(blame, count)
  }

  get all(): Pick<Totals, "inRate" | "outRate" | "blame"> {
    return { inRate: this.inRate / fine, outRate: this.outRate / fine, blame: Object.fromEntries(this.blame) }
  }
}
