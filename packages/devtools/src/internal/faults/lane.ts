/** One direction of a link: passes things on in order; at once, later, or not before it is let go. */
import * as Effect from "effect/Effect"

/** Runs a wait; it ends with the scope of the layer. */
export type Fork = (effect: Effect.Effect<void>) => void

interface Item {
  readonly due: number
  readonly size: number
  readonly run: () => void
}

export class Lane {
  /** How many milliseconds everything takes. */
  delay = 0
  private isHeld = false
  private items: Array<Item> = []
  private isWaiting = false
  private readonly now: () => number
  private readonly fork: Fork

  constructor(now: () => number, fork: Fork) {
    this.now = now
    this.fork = fork
  }

  get length(): number {
    return this.items.length
  }

  /** How many bytes have not passed. */
  get bytes(): number {
    let bytes = 0
    for (const { size } of this.items) bytes += size
    return bytes
  }

  pass(size: number, run: () => void): void {
    if (!this.isHeld && this.delay === 0 && this.items.length === 0) return run()
    this.items.push({ due: this.now() + this.delay, size, run })
    this.wait()
  }

  hold(): void {
    this.isHeld = true
  }

  /** Nothing is held back or late any more. */
  release(): void {
    this.isHeld = false
    this.delay = 0
    const { items } = this
    this.items = []
    for (const { run } of items) run()
  }

  drop(): void {
    this.items = []
  }

  private wait(): void {
    const [first] = this.items
    if (first === undefined || this.isWaiting || this.isHeld) return
    this.isWaiting = true
    const passing = Effect.sync(() => {
      this.isWaiting = false
      this.passDue()
      this.wait()
    })
    this.fork(Effect.andThen(Effect.sleep(Math.max(0, first.due - this.now())), passing))
  }

  private passDue(): void {
    const now = this.now()
    for (let [first] = this.items; first !== undefined && first.due <= now && !this.isHeld; [first] = this.items) {
      this.items.shift()
      first.run()
    }
  }
}
