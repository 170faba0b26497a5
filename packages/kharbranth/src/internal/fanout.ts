/**
 * One writer, many bounded observers. Moves arrays; with no observer a publish
 * is one comparison. An observer that falls behind either loses its oldest
 * items (events) or holds the writer back (broadcast).
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

interface Observer<A, E> {
  items: Array<A>
  readonly capacity: number
  readonly lossless: boolean
  end: { readonly error: E | undefined } | undefined
  wake: (() => void) | undefined
}

export interface ObserverOptions {
  /** How many items may wait for this observer. */
  readonly capacity: number
  /** Hold the writer back instead of losing the oldest items. */
  readonly lossless: boolean
}

const none: ReadonlySet<never> = new Set()

export class Fanout<A, E = never> {
  private observers: ReadonlySet<Observer<A, E>> = none
  private room: (() => void) | undefined
  private ending: { readonly error: E | undefined } | undefined

  /** Whether anybody listens; guard the construction of what you publish with it. */
  get active(): boolean {
    return this.observers.size > 0
  }

  publish(items: ReadonlyArray<A>): void {
    for (const observer of this.observers) {
      for (const item of items) observer.items.push(item)
      const excess = observer.items.length - observer.capacity
      if (excess > 0 && !observer.lossless) observer.items.splice(0, excess)
      this.signal(observer)
    }
  }

  /** Waits until every lossless observer has room. */
  get ready(): Effect.Effect<void> {
    return this.untilRoom()
  }

  private untilRoom(): Effect.Effect<void> {
    return Effect.suspend(() => (this.full() ? Effect.andThen(this.roomMade(), this.untilRoom()) : Effect.void))
  }

  private roomMade(): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      this.room = () => resume(Effect.void)
      return Effect.sync(() => {
        this.room = undefined
      })
    })
  }

  end(error?: E): void {
    this.ending = { error }
    for (const observer of this.observers) {
      observer.end = this.ending
      this.signal(observer)
    }
  }

  /** Lets streams that are run from now on see what is published after an `end`. */
  reopen(): void {
    this.ending = undefined
  }

  /** Registers an observer at once; it buffers until its stream is run or `leave` is called. */
  join(options: ObserverOptions): { readonly stream: Stream.Stream<A, E>; readonly leave: () => void } {
    const observer: Observer<A, E> = { ...options, items: [], end: this.ending, wake: undefined }
    this.observers = new Set([...this.observers, observer])
    const leave = () => {
      this.observers = new Set([...this.observers].filter((other) => other !== observer))
      this.madeRoom()
    }
    return { stream: Stream.fromPull(Effect.succeed(this.pull(observer))), leave }
  }

  /** A stream whose runs each observe from the moment they start. */
  stream(options: ObserverOptions): Stream.Stream<A, E> {
    return Stream.unwrap(
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => this.join(options)),
          ({ leave }) => Effect.sync(leave)
        ),
        ({ stream }) => stream
      )
    )
  }

  private pull(observer: Observer<A, E>): Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done> {
    const self: Effect.Effect<Arr.NonEmptyReadonlyArray<A>, E | Cause.Done> = Effect.suspend(() => {
      const items = observer.items
      if (Arr.isArrayNonEmpty(items)) {
        observer.items = []
        this.madeRoom()
        return Effect.succeed(items)
      }
      if (observer.end !== undefined) {
        return observer.end.error === undefined ? Cause.done() : Effect.fail(observer.end.error)
      }
      return Effect.andThen(
        Effect.callback<void>((resume) => {
          observer.wake = () => resume(Effect.void)
          return Effect.sync(() => {
            observer.wake = undefined
          })
        }),
        self
      )
    })
    return self
  }

  private signal(observer: Observer<A, E>): void {
    const wake = observer.wake
    if (wake === undefined) return
    observer.wake = undefined
    queueMicrotask(wake)
  }

  private full(): boolean {
    for (const observer of this.observers) {
      if (observer.lossless && observer.items.length >= observer.capacity) return true
    }
    return false
  }

  private madeRoom(): void {
    const room = this.room
    if (room === undefined || this.full()) return
    this.room = undefined
    queueMicrotask(room)
  }
}
