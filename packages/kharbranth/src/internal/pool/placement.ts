/**
 * Which member carries which item. Pure: least loaded first, no member over its
 * cap, and an item waits only while it fits nowhere.
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
  /** `undefined`: it waits for room. */
  readonly to: string | undefined
}

export class Placement {
  private readonly cap: Cap
  private readonly members = new Map<string, Member>()
  private readonly homes = new Map<string, Member>()
  /** Items without a member, in the order in which they lost or asked for one. */
  private readonly waiting = new Map<string, number>()

  constructor(cap: Cap) {
    this.cap = cap
  }

  /** Whether a member that carries nothing could carry it. */
  fits(size: number): boolean {
    return this.cap.count >= 1 && size <= this.cap.size
  }

  /** Where it is, or is now; `undefined` when it waits. Placing twice changes nothing. */
  place(item: string, size: number): string | undefined {
    const home = this.homes.get(item)
    if (home !== undefined || this.waiting.has(item)) return home?.name
    const member = this.leastLoaded(size)
    if (member === undefined) this.waiting.set(item, size)
    else this.put(member, item, size)
    return member?.name
  }

  /** Forgets an item; others may have room now. */
  release(item: string): ReadonlyArray<Move> {
    this.waiting.delete(item)
    const home = this.homes.get(item)
    if (home === undefined) return []
    this.take(home, item)
    return this.settle()
  }

  add(name: string): ReadonlyArray<Move> {
    if (this.members.has(name)) return []
    this.members.set(name, { name, items: new Map(), size: 0 })
    return this.settle()
  }

  /** A member is gone: its items go to the others, as far as there is room. */
  remove(name: string): ReadonlyArray<Move> {
    const member = this.members.get(name)
    if (member === undefined) return []
    this.members.delete(name)
    const orphans = [...member.items]
    // Before those that wait already: they were carried once.
    const before = [...this.waiting]
    this.waiting.clear()
    for (const [item, size] of [...orphans, ...before]) {
      this.homes.delete(item)
      this.waiting.set(item, size)
    }
    const found = new Map(this.settle().map((move) => [move.item, move]))
    return [
      ...orphans.map(([item]) => ({ item, from: name, to: found.get(item)?.to })),
      ...before.flatMap(([item]) => found.get(item) ?? [])
    ]
  }

  homeOf(item: string): string | undefined {
    return this.homes.get(item)?.name
  }

  has(item: string): boolean {
    return this.homes.has(item) || this.waiting.has(item)
  }

  loadOf(name: string): Load {
    const member = this.members.get(name)
    return { count: member?.items.size ?? 0, size: member?.size ?? 0 }
  }

  get homeless(): number {
    return this.waiting.size
  }

  private settle(): ReadonlyArray<Move> {
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

  /** How full, by whichever cap is nearer. */
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
    this.homes.set(item, member)
  }

  private take(member: Member, item: string): void {
    member.size -= member.items.get(item) ?? 0
    member.items.delete(item)
    this.homes.delete(item)
  }
}
