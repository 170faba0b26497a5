/**
 * One writer, many bounded observers. Moves arrays; with no observer a publish
 * is one comparison. An observer that falls behind loses its oldest items.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Ending, Waiting } from "./waiting.ts"

export interface Observer<A> {
  items: Array<A>
  /** How many items may wait for it. */
  readonly capacity: number
  /** Woken when there are items, and at the end. */
  readonly waiting: { wake(): void }
}

const none: ReadonlyArray<never> = []

export class Fanout<A, E = never> {
  protected observers: ReadonlyArray<Observer<A>> = none
  private ending: Ending<E> | undefined

  /** Whether anybody listens; guard the construction of what you publish with it. */
  get active(): boolean {
    return this.observers.length > 0
  }

  publish(items: ReadonlyArray<A>): void {
    for (const observer of this.observers) {
      for (const item of items) observer.items.push(item)
      this.bound(observer)
      observer.waiting.wake()
    }
  }

  /** Keeps what waits within the observer's capacity. */
  protected bound({ capacity, items }: Observer<A>): void {
    if (items.length > capacity) items.splice(0, items.length - capacity)
  }

  /** An observer took what waited for it, or left. */
  protected taken(): void {}

  end(error?: E): void {
    this.ending = { error }
    for (const observer of this.observers) observer.waiting.wake()
  }

  /** Registers an observer at once; it buffers until its stream is run or `leave` is called. */
  join(capacity: number): { readonly stream: Stream.Stream<A, E>; readonly leave: () => void } {
    const waiting = new Waiting()
    const observer: Observer<A> = { capacity, items: [], waiting }
    const pull = waiting.pull(
      () => this.take(observer),
      () => this.ending
    )
    return { stream: Stream.fromPull(Effect.succeed(pull)), leave: this.add(observer) }
  }

  /** Publishes to this one too, until the function it returns is called. */
  add(observer: Observer<A>): () => void {
    this.observers = this.observers.concat(observer)
    return () => {
      this.observers = this.observers.filter((other) => other !== observer)
      this.taken()
    }
  }

  /** A stream whose runs each observe from the moment they start. */
  stream(capacity: number): Stream.Stream<A, E> {
    return Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => this.join(capacity)),
          ({ leave }) => Effect.sync(leave)
        ),
        ({ stream }) => stream
      )
    )
  }

  private take(observer: Observer<A>): Array<A> {
    const { items } = observer
    if (items.length > 0) {
      observer.items = []
      this.taken()
    }
    return items
  }
}

/** A fan-out that loses nothing: its writer waits for the slowest observer. */
export class Lossless<A, E = never> extends Fanout<A, E> {
  private readonly room = new Waiting()

  /** Waits until every observer has room. */
  readonly ready: Effect.Effect<void> = this.room.until(() => (this.isFull() ? undefined : Effect.void))

  protected override bound(): void {}

  protected override taken(): void {
    if (!this.isFull()) this.room.wake()
  }

  private isFull(): boolean {
    for (const { capacity, items } of this.observers) if (items.length >= capacity) return true
    return false
  }
}
