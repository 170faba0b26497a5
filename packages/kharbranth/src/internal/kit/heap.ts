/** A binary heap whose items know their place, so that any of them can be taken out. */

export interface Item {
  readonly time: number
  /** -1 when it is in no heap. */
  place: number
}

export class Heap<A extends Item> {
  private readonly items: Array<A> = []

  /** The item with the earliest time. */
  get first(): A | undefined {
    return this.items[0]
  }

  add(item: A): void {
    this.items.push(item)
    this.rise(item, this.items.length - 1)
  }

  /** Takes an item out, if it is there; its time may have changed since. */
  remove(item: A): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = this.items.pop()
    if (last === undefined || last === item) return
    this.rise(last, place)
    this.sink(last, last.place)
  }

  private rise(item: A, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >>> 1
      const parent = this.items[above]
      if (parent === undefined || parent.time <= item.time) break
      this.put(parent, place)
      place = above
    }
    this.put(item, place)
  }

  private sink(item: A, from: number): void {
    let place = from
    for (let child = this.lesserChild(place); child !== undefined && child.time < item.time;) {
      const below = child.place
      this.put(child, place)
      place = below
      child = this.lesserChild(place)
    }
    this.put(item, place)
  }

  private lesserChild(place: number): A | undefined {
    const left = this.items[2 * place + 1]
    const right = this.items[2 * place + 2]
    return right !== undefined && left !== undefined && right.time < left.time ? right : left
  }

  private put(item: A, place: number): void {
    this.items[place] = item
    item.place = place
  }
}
