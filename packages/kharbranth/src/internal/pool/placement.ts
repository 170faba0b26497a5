/**
 * Decides which member carries which item. Pure: the least loaded member first,
 * no member over its cap, and an item waits only while no member has room.
 */

export interface Cap {
  /** How many items one member may carry. */
  readonly count: number
  /** How much they may be together. */
  readonly size: number
}

export interface Load {
  readonly count: number
  readonly size: number
}

interface Member {
  readonly name: string
  readonly items: Map<string, number>
  size: number
}

export interface Move {
  readonly item: string
  readonly from: string | undefined
  /** `undefined` while the item waits for room. */
  readonly to: string | undefined
}

export class Placement {
  private readonly cap: Cap
  private readonly members = new Map<string, Member>()
  /** The member of each item that has one. */
  private readonly placements = new Map<string, Member>()
  /** Items without a member, with their sizes, in the order in which they lost or asked for one. */
  private readonly waiting = new Map<string, number>()

  constructor(cap: Cap) {
    this.cap = cap
  }

  /** Whether an empty member could carry an item of this size. */
  fits(size: number): boolean {
    return this.cap.count >= 1 && size <= this.cap.size
  }

  /** Returns the member that carries the item from now on; `undefined` when it waits. Placing twice changes nothing. */
  place(item: string, size: number): string | undefined {
    const placed = this.placements.get(item)
    if (placed !== undefined || this.waiting.has(item)) return placed?.name
    const member = this.leastLoaded(size)
    if (member === undefined) this.waiting.set(item, size)
    else this.put(member, item, size)
    return member?.name
  }

  /** Forgets an item; one that waits may have room now. */
  release(item: string): ReadonlyArray<Move> {
    this.waiting.delete(item)
    const member = this.placements.get(item)
    if (member === undefined) return []
    this.take(member, item)
    return this.placeWaiting()
  }

  add(name: string): ReadonlyArray<Move> {
    if (this.members.has(name)) return []
    this.members.set(name, { name, items: new Map(), size: 0 })
    return this.placeWaiting()
  }

  /** Removes a member: its items go to the others, as far as there is room. */
  remove(name: string): ReadonlyArray<Move> {
    const member = this.members.get(name)
    if (member === undefined) return []
    this.members.delete(name)
    const displaced = [...member.items]
    // Its items go before those that waited already: they had a member.
    const waited = [...this.waiting]
    this.waiting.clear()
    for (const [item, size] of [...displaced, ...waited]) {
      this.placements.delete(item)
      this.waiting.set(item, size)
    }
    const moves = new Map(this.placeWaiting().map((move) => [move.item, move]))
    return [
      ...displaced.map(([item]) => ({ item, from: name, to: moves.get(item)?.to })),
      ...waited.flatMap(([item]) => moves.get(item) ?? [])
    ]
  }

  memberOf(item: string): string | undefined {
    return this.placements.get(item)?.name
  }

  has(item: string): boolean {
    return this.placements.has(item) || this.waiting.has(item)
  }

  loadOf(name: string): Load {
    const member = this.members.get(name)
    return { count: member?.items.size ?? 0, size: member?.size ?? 0 }
  }

  get waitingCount(): number {
    return this.waiting.size
  }

  private placeWaiting(): ReadonlyArray<Move> {
    const moves: Array<Move> = []
    for (const [item, size] of this.waiting) {
      const member = this.leastLoaded(size)
      if (member === undefined) continue
      this.waiting.delete(item)
      this.put(member, item, size)
      moves.push({ item, from: undefined, to: member.name })
    }
    return moves
  }

  private leastLoaded(size: number): Member | undefined {
    let best: Member | undefined
    for (const member of this.members.values()) {
      if (member.items.size + 1 > this.cap.count || member.size + size > this.cap.size) continue
      if (best === undefined || this.loaded(member) < this.loaded(best)) best = member
    }
    return best
  }

  /** How full a member is, by the cap that is nearer. */
  private loaded({ items, size }: Member): number {
    return Math.max(
      this.cap.count === Infinity ? 0 : items.size / this.cap.count,
      this.cap.size === Infinity ? 0 : size / this.cap.size,
      this.cap.count === Infinity && this.cap.size === Infinity ? items.size : 0
    )
  }

  private put(member: Member, item: string, size: number): void {
    member.items.set(item, size)
    member.size += size
    this.placements.set(item, member)
  }

  private take(member: Member, item: string): void {
    member.size -= member.items.get(item) ?? 0
    member.items.delete(item)
    this.placements.delete(item)
  }
}
