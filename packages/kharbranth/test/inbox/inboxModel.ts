/**
 * What an inbox should do, as plainly as it can be said: one list of messages
 * and markers. No segments, no laziness, no sharing.
 */
import type * as Inbox from "../../src/Inbox.ts"

export interface Msg {
  readonly id: number
  readonly key: string
}

interface Waiting {
  readonly _tag: "Waiting"
  readonly epoch: number
  msg: Msg
  size: number
  bad: boolean
  lost: number
}

type Item = Waiting | Inbox.SessionOpened | Inbox.Gap | Inbox.Lagged
export type Policy = "fail" | "dropOldest" | "dropNewest" | "conflate"

export interface Setup {
  readonly mark: number
  readonly policy: Policy
  readonly canPause: boolean
}

const isWaiting = (item: Item): item is Waiting => item._tag === "Waiting"

export class Model {
  readonly setup: Setup
  items: Array<Item> = []
  turn: Array<Item> = []
  taps: Array<(msg: Msg) => boolean> = []
  drops: Record<string, number> = {}
  overflows = 0
  refusal: string | undefined
  paused = false
  armed = false
  progress = false
  everRead = false
  unused = 0

  constructor(setup: Setup) {
    this.setup = setup
  }

  get bytes(): number {
    return [...this.items, ...this.turn].reduce((bytes, item) => bytes + (isWaiting(item) ? item.size : 0), 0)
  }

  get eager(): boolean {
    return this.taps.length > 0 || this.turn.length > 0 || ["dropNewest", "conflate"].includes(this.setup.policy)
  }

  count(reason: string, n: number): void {
    if (n > 0) this.drops[reason] = (this.drops[reason] ?? 0) + n
  }

  push(epoch: number, msg: Msg, size: number, bad: boolean): void {
    const list = this.eager ? this.turn : this.items
    if (this.refusal !== undefined) {
      if (this.refusal === "overflow") list.push({ _tag: "Lagged", dropped: 1, atMost: false })
      return this.count(this.refusal, 1)
    }
    list.push({ _tag: "Waiting", epoch, msg, size, bad, lost: 0 })
    if (this.bytes < this.setup.mark) return
    this.pause()
    if (!this.eager) this.bound()
  }

  mark(marker: Inbox.SessionOpened | Inbox.Gap): void {
    ;(this.eager ? this.turn : this.items).push(marker)
  }

  settle(): void {
    if (this.turn.length === 0) return
    for (const item of this.turn) {
      if (!isWaiting(item)) this.items.push(item)
      else if (item.bad) this.undecodable(this.items)
      else if (!this.taps.some((tap) => tap(item.msg))) this.items.push(item)
    }
    this.turn = []
    this.bound()
    this.relax()
  }

  undecodable(into: Array<Item>): void {
    this.count("undecodable", 1)
    into.push({ _tag: "Lagged", dropped: 1, atMost: false })
  }

  bound(): void {
    if (this.setup.canPause || this.bytes <= this.setup.mark) return
    if (this.setup.policy === "fail" && this.everRead) this.overflow()
    else this.shrink(this.setup.mark)
  }

  overflow(): void {
    if (this.refusal !== undefined) return
    this.refusal = "overflow"
    this.overflows += 1
  }

  shrink(target: number): void {
    if (this.setup.policy === "conflate") this.conflate()
    while (this.bytes > target && this.items.filter(isWaiting).length > 1) {
      const newest = this.setup.policy === "dropNewest"
      const at = newest ? this.items.findLastIndex(isWaiting) : this.items.findIndex(isWaiting)
      const gone = this.items[at] as Waiting
      this.count("overflow", 1)
      this.items.splice(at, 1, { _tag: "Lagged", dropped: 1 + gone.lost, atMost: false })
    }
  }

  conflate(): void {
    const keys = new Map<string, Waiting>()
    let epoch = 0
    this.items = this.items.filter((item) => {
      if (!isWaiting(item) || item.epoch !== epoch) keys.clear()
      if (!isWaiting(item)) return true
      epoch = item.epoch
      const first = item.msg.key === "" ? undefined : keys.get(item.msg.key)
      keys.set(item.msg.key, first ?? item)
      if (first === undefined) return true
      first.msg = item.msg
      first.size = item.size
      first.lost += 1 + item.lost
      this.count("overflow", 1)
      return false
    })
  }

  pause(): void {
    if (this.paused || !this.setup.canPause) return
    this.paused = true
    this.progress = this.armed
    this.armed = true
  }

  relax(): void {
    if (this.bytes <= this.setup.mark / 4) this.paused = false
  }

  stallDue(): boolean {
    this.armed = false
    if (!this.paused) return false
    if (this.progress) {
      this.progress = false
      this.armed = true
      return false
    }
    this.settle()
    if (this.setup.policy === "fail" && this.everRead) this.overflow()
    else {
      this.shrink(this.setup.mark / 4)
      this.paused = false
    }
    return true
  }

  takeEntries(): Array<Inbox.Entry<Msg>> {
    this.settle()
    const entries: Array<Inbox.Entry<Msg>> = []
    for (const item of this.items) {
      if (!isWaiting(item)) entries.push(item)
      else if (item.bad) {
        this.count("undecodable", 1)
        entries.push({ _tag: "Lagged", dropped: 1, atMost: false })
      } else {
        if (item.lost > 0) entries.push({ _tag: "Lagged", dropped: item.lost, atMost: false })
        entries.push({ _tag: "Message", epoch: item.epoch, message: item.msg })
      }
    }
    if (this.items.length > 0) this.progress = true
    this.items = []
    this.relax()
    const merged = merge(entries)
    this.unused = merged.filter((entry, index) => index > 0 && entry._tag === "Message").length
    return merged
  }

  take(): Array<Msg> {
    const messages = this.takeEntries().flatMap((entry) => (entry._tag === "Message" ? [entry.message] : []))
    this.unused = Math.max(0, messages.length - 1)
    return messages
  }

  takeOne(): Msg | undefined {
    this.unused = 0
    this.settle()
    for (;;) {
      const first = this.items.shift()
      if (first !== undefined && isWaiting(first) && first.bad) this.count("undecodable", 1)
      if (first !== undefined && (!isWaiting(first) || first.bad)) continue
      if (first !== undefined) this.progress = true
      this.relax()
      return first?.msg
    }
  }

  release(): void {
    if (this.unused > 0) this.items.unshift({ _tag: "Lagged", dropped: this.unused, atMost: true })
    this.count("unread", this.unused)
    this.unused = 0
  }
}

/** Adjacent drops are one marker. */
export const merge = (entries: ReadonlyArray<Inbox.Entry<Msg>>): Array<Inbox.Entry<Msg>> => {
  const merged: Array<Inbox.Entry<Msg>> = []
  for (const entry of entries) {
    const last = merged.at(-1)
    if (entry._tag === "Lagged" && last?._tag === "Lagged" && last.atMost === entry.atMost) {
      merged[merged.length - 1] = { ...last, dropped: last.dropped + entry.dropped }
    } else merged.push(entry)
  }
  return merged
}
