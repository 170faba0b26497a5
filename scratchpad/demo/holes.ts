/** Holes in the ids of trades, where a venue counts them. */

const numberOf = (id: string): bigint | undefined => (/^\d+$/.test(id) ? BigInt(id) : undefined)

/** Follows one topic's trades: counts the jumps that no marker announced. */
export class Holes {
  undetected = 0
  private last: bigint | undefined
  private marked = true

  /** A marker: what is missing here is known. */
  mark(): void {
    this.marked = true
  }

  see(id: string | undefined): void {
    const at = id === undefined ? undefined : numberOf(id)
    if (at === undefined) return
    if (!this.marked && this.last !== undefined && at > this.last + 1n) this.undetected++
    if (this.last === undefined || at > this.last) this.last = at
    this.marked = false
  }
}

/** The holes in a list of ids without any marker. */
export const holesIn = (ids: ReadonlyArray<string>): number => {
  const holes = new Holes()
  for (const id of ids) holes.see(id)
  return holes.undetected
}
