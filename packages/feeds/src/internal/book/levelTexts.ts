/**
 * The texts of a side's levels, and the sums of those texts. Each level has a place
 * that it keeps for as long as it is there, so a level that comes in between moves
 * none of this. A place that no level has keeps what it held until it is used again.
 */

export class LevelTexts {
  readonly prices: Array<string> = []
  readonly sizes: Array<string> = []
  sums: Int32Array
  /** How long the summed text of each level is; 0 where the sum is not known. */
  summed: Uint8Array

  constructor(places: number) {
    this.sums = new Int32Array(places)
    this.summed = new Uint8Array(places)
  }

  grow(places: number): void {
    const { summed, sums } = this
    this.sums = new Int32Array(places)
    this.summed = new Uint8Array(places)
    this.sums.set(sums)
    this.summed.set(summed)
  }

  set(place: number, price: string, size: string): void {
    this.prices[place] = price
    this.resize(place, size)
  }

  resize(place: number, size: string): void {
    this.sizes[place] = size
    this.summed[place] = 0
  }
}
