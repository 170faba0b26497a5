/**
 * One writer, many bounded observers. An observer that falls behind loses its
 * oldest items, and finds in their place how many they were.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"

interface Observer<A> {
  items: Array<A>
  lost: number
  readonly news: Latch.Latch
}

export class Watchers<A> {
  private readonly observers = new Set<Observer<A>>()
  private readonly capacity: number
  /** What stands where items were lost; nothing, without it. */
  private readonly marker: ((lost: number) => A) | undefined
  /** Open once somebody has joined; made when somebody waits for it. */
  private joining: Latch.Latch | undefined
  private wasJoined = false
  private isOver = false

  constructor(capacity: number, marker?: (lost: number) => A) {
    this.capacity = capacity
    this.marker = marker
  }

  /** Completes when somebody observes, or has. */
  joined(): Effect.Effect<void> {
    return Effect.suspend(() => (this.joining ??= Latch.makeUnsafe(this.wasJoined)).await)
  }

  /** Whether anybody would see what is published now. */
  areThere(): boolean {
    return this.observers.size > 0
  }

  publish(items: ReadonlyArray<A>): void {
    for (const observer of this.observers) {
      for (const item of items) observer.items.push(item)
      const excess = observer.items.length - this.capacity
      if (excess > 0) {
        observer.items.splice(0, excess)
        observer.lost += excess
      }
      observer.news.openUnsafe()
    }
  }

  /** Every stream ends once it has given what waits. */
  end(): void {
    this.isOver = true
    for (const { news } of this.observers) news.openUnsafe()
  }

  /** From the moment it is run. */
  get stream(): Stream.Stream<A> {
    return Stream.unwrap(
      Effect.gen({ self: this }, function* () {
        const observer: Observer<A> = { items: [], lost: 0, news: Latch.makeUnsafe(false) }
        this.observers.add(observer)
        yield* Effect.addFinalizer(() => Effect.sync(() => this.observers.delete(observer)))
        this.wasJoined = true
        this.joining?.openUnsafe()
        return Stream.fromPull(Effect.succeed(this.pull(observer)))
      })
    )
  }

  private pull(observer: Observer<A>): Effect.Effect<readonly [A, ...Array<A>], Cause.Done> {
    return Effect.suspend(() => {
      const { items, lost } = observer
      const [first, ...rest] = lost > 0 && this.marker !== undefined ? [this.marker(lost), ...items] : items
      observer.items = []
      observer.lost = 0
      if (first !== undefined) return Effect.succeed([first, ...rest] as const)
      if (this.isOver) return Cause.done()
      observer.news.closeUnsafe()
      return Effect.andThen(observer.news.await, this.pull(observer))
    })
  }
}
