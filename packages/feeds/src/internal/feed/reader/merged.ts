/**
 * One reader of several topics, which wakes once for all that came. A topic keeps its
 * own buffer, so that one which floods drops nothing of another's.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import { atEnd } from "../../kit/turn.ts"
import { Waiting } from "../../kit/waiting.ts"
import type { Ending, Part, Pull } from "./buffer.ts"

/** So much makes up for a wake, and fits into the caches of a processor. */
const muchAtMost = 256

/** The buffer of one topic, as the reader of all sees it. */
export class Source<A, E> implements Part {
  private readonly owner: Merged<A, E>
  /** It has something that the reader has not looked at. */
  private isListed = false
  private isOver = false
  private read: (found: Array<A>) => Ending<E> | undefined = () => undefined

  constructor(owner: Merged<A, E>) {
    this.owner = owner
  }

  get isAwaited(): boolean {
    return this.owner.isAwaited
  }

  came(): void {
    this.owner.came(this.isListed ? undefined : this)
    this.isListed = true
  }

  /** How the buffer is read: `read` adds what the reader wants of all that waits, and says how the topic ended, if it has. */
  readBy(read: (found: Array<A>) => Ending<E> | undefined): void {
    this.read = read
    this.came()
  }

  /** As `readBy` says; returns an ending only once. */
  readInto(found: Array<A>): Ending<E> | undefined {
    this.isListed = false
    const ending = this.read(found)
    if (ending === undefined || this.isOver) return undefined
    this.isOver = true
    return ending
  }
}

export class Merged<A, E> {
  private readonly waiting = new Waiting(atEnd)
  private listed: Array<Source<A, E>> = []
  /** How many items came since the reader looked. */
  private count = 0
  /** How many topics have not ended. */
  private open = 0
  private failure: { readonly error: E } | undefined

  get isAwaited(): boolean {
    return this.count < muchAtMost && !this.waiting.isEmpty
  }

  source(): Source<A, E> {
    this.open++
    return new Source(this)
  }

  /** Something came, and from a source that is not listed yet. */
  came(source: Source<A, E> | undefined): void {
    if (source !== undefined) this.listed.push(source)
    if (++this.count === muchAtMost) this.waiting.wakeSoon()
    else this.waiting.wake()
  }

  /** What came, topic by topic, as soon as there is any; fails with the first topic that does. */
  readonly pull: Pull<A, E> = this.waiting.until(() => this.look())

  private look(): Pull<A, E> | undefined {
    const found: Array<A> = []
    try {
      this.readInto(found)
    } catch (defect) {
      // A function of the user's threw: that is the reader's end, and nobody else's.
      return Effect.die(defect)
    }
    if (Arr.isArrayNonEmpty(found)) return Effect.succeed(found)
    if (this.failure !== undefined) return Effect.fail(this.failure.error)
    return this.open === 0 ? Cause.done() : undefined
  }

  private readInto(found: Array<A>): void {
    const { listed } = this
    this.listed = []
    this.count = 0
    for (const source of listed) {
      const ending = source.readInto(found)
      if (ending === undefined) continue
      this.open--
      if (ending.error !== undefined) this.failure ??= { error: ending.error }
    }
  }
}
