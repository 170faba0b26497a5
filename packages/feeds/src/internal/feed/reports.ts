/** Passes on what a feed reports to those who listen now. While nobody listens, nothing is kept. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { FeedReport } from "../../Feed.ts"
import { isMarker, ReaderBuffer } from "./reader/buffer.ts"

const capacity = 1_024

type Listener = ReaderBuffer<FeedReport, never>

export class Reports {
  private readonly listeners = new Set<Listener>()
  private over = false

  publish(report: FeedReport): void {
    for (const listener of this.listeners) listener.push(report)
  }

  end(): void {
    this.over = true
    for (const listener of this.listeners) listener.end(undefined)
  }

  readonly stream: Stream.Stream<FeedReport> = Stream.scoped(
    Stream.fromPull(
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => this.join()),
          (listener) => Effect.sync(() => void this.listeners.delete(listener))
        ),
        (listener) => listener.pullAs((batch) => [...batch])
      )
    )
  ).pipe(Stream.filter((report): report is FeedReport => !isMarker(report)))

  private join(): Listener {
    const listener: Listener = new ReaderBuffer({ capacity })
    if (this.over) listener.end(undefined)
    this.listeners.add(listener)
    return listener
  }
}
