/**
 * The program behind the page "Break it": one real connection over a network in
 * memory, on the browser's own clock, and faults that the page's buttons inject.
 * It knows nothing of the page but a few functions that it calls.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { ConnectionState } from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import type * as Inbox from "kharbranth/Inbox"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

/** What the page shows. */
export interface View {
  readonly state: (state: ConnectionState) => void
  readonly entry: (entry: Inbox.Entry<string>) => void
  readonly event: (event: ConnectionEvent) => void
  readonly ended: (message: string) => void
}

/** What the page's buttons do. */
export interface Actions {
  readonly halfOpen: () => void
  readonly cut: () => void
  /** Refuses every dial with HTTP 401 while it is on, and cuts the session so that one follows. */
  readonly refuse: (on: boolean) => void
  readonly slow: (on: boolean) => void
  readonly restart: () => void
}

const url = "wss://prices.example/ws"

/** Sends a price ten times a second for as long as its socket lives. */
const prices = (peer: TestNetwork.Peer) =>
  Effect.gen(function* () {
    for (let price = 1; ; price++) {
      yield* peer.send(`session ${peer.id}, price ${price}`)
      yield* Effect.sleep("100 millis")
    }
  })

const unauthorized = Fault.reject({ status: 401 })

export const make = (view: View) =>
  Effect.gen(function* () {
    let slow = false
    const network = yield* TestNetwork.make({ latency: "30 millis" })
    yield* network.serve(url, prices)
    const connection = yield* Connection.make("prices", {
      target: url,
      codec: Codec.text,
      heartbeat: Heartbeat.ping({ every: "2 seconds", timeout: "1 second" }),
      reconnect: Reconnect.prompt,
      // Small, so that a slow reader is seen within seconds.
      inbox: { highWaterMark: 200, maxStall: "3 seconds", overflow: "dropOldest" }
    }).pipe(network.provide)

    const untilFast: Effect.Effect<void> = Effect.suspend(() =>
      slow ? Effect.flatMap(Effect.sleep("100 millis"), () => untilFast) : Effect.void
    )
    const read = connection.entries.pipe(
      Stream.runForEach((entry) =>
        Effect.andThen(
          untilFast,
          Effect.sync(() => view.entry(entry))
        )
      ),
      Effect.catch((error) => Effect.sync(() => view.ended(error.message)))
    )
    const connected = connection.state.changes.pipe(
      Stream.filter(({ _tag }) => _tag === "Connected"),
      Stream.take(1),
      Stream.runDrain
    )
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(connected, read)))
    yield* connection.state.changes.pipe(
      Stream.runForEach((state) => Effect.sync(() => view.state(state))),
      Effect.forkScoped
    )
    yield* connection.events.pipe(
      Stream.runForEach((event) => Effect.sync(() => view.event(event))),
      Effect.forkScoped
    )

    // Buttons are pressed outside of any fiber.
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const act = (effect: Effect.Effect<unknown, unknown>) => {
      fork(Effect.ignore(effect))
    }
    const actions: Actions = {
      halfOpen: () => act(network.inject(Fault.halfOpen())),
      cut: () => act(network.inject(Fault.reset())),
      refuse: (on) =>
        act(
          on ? Effect.andThen(network.inject(unauthorized), network.inject(Fault.reset())) : network.lift(unauthorized)
        ),
      slow: (on) => {
        slow = on
      },
      restart: () => act(connection.restart({ reason: "the button" }))
    }
    return actions
  })
