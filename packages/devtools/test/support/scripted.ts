/** Connections without a network, whose states, figures and events a test decides. */
import * as Duration from "effect/Duration"
import { ConnectionDropped } from "kharbranth/ConnectionError"
import type { Figures } from "kharbranth/ConnectionMetrics"
import type { Observed } from "kharbranth/ConnectionObserver"
import type { ConnectionState } from "kharbranth/ConnectionState"

type Event = Parameters<Parameters<Observed["listen"]>[0]>[0]

const cause = new ConnectionDropped({ connection: "feed", epoch: 1, cause: undefined })

/** One of the six states, by its number in `states`. */
export const stateBy = (kind: number, n: number): ConnectionState => {
  switch (kind) {
    case 0:
      return { _tag: "Disconnected", reason: "Paused" }
    case 1:
      return { _tag: "Connecting", attempt: n, gate: "Dialing" }
    case 2:
      return { _tag: "Connected", since: n, epoch: n, gate: "Ready" }
    case 3:
      return { _tag: "Reconnecting", attempt: n, nextRetryAt: n, cause }
    case 4:
      return { _tag: "Closing" }
    default:
      return { _tag: "Failed", error: cause, recoverable: true }
  }
}

/** A connection that is what a test says it is. */
export class Scripted implements Observed {
  readonly name: string
  readonly tags: ReadonlyArray<string>
  readonly origin = "wss://feed.example"
  readonly topics = []
  readonly control = undefined as never
  state: ConnectionState
  figures: Figures
  ended: () => void = () => {}
  private hear: ((event: Event) => void) | undefined

  constructor(name: string, tags: ReadonlyArray<string>, state: ConnectionState, figures: Figures) {
    this.name = name
    this.tags = tags
    this.state = state
    this.figures = figures
  }

  readonly listen = (hear: (event: Event) => void): (() => void) => {
    this.hear = hear
    return () => {
      this.hear = undefined
    }
  }

  answers(millis: number): void {
    this.hear?.({ _tag: "PulseSeen", epoch: 1, rtt: Duration.millis(millis), id: 1 })
  }

  becomes(state: ConnectionState): void {
    this.state = state
    this.hear?.({ _tag: "DialStarted", epoch: 1, attempt: 1, endpoint: 0, role: "active" })
  }
}
