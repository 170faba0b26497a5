/**
 * The page of the tests of whole connections: one connection that lives with its
 * page, over the page's own socket or the one that all tabs share, and a record
 * of everything that its reader got.
 */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type * as ConnectionState from "kharbranth/ConnectionState"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import type * as Surroundings from "kharbranth/Surroundings"
import { expose } from "../rig/bridge.ts"

export interface Options {
  readonly url: string
  readonly transport: keyof typeof transports
  readonly hidden?: Surroundings.Hidden
  /** The patient waits of the default policy. Default: short ones. */
  readonly polite?: boolean
  /** Default: dials are not hedged. */
  readonly hedgeAfter?: number
}

const transports = {
  browser: () => BrowserTransport.layer(),
  stream: () => BrowserTransport.layerStream(),
  shared: () => SharedTransport.layer()
}

const record = {
  entries: [] as Array<string>,
  states: [] as Array<{ readonly at: number; readonly state: string }>,
  events: [] as Array<string>,
  /** When the page woke or came online. */
  wakes: [] as Array<number>,
  deliveries: [] as Array<string>
}

let connection: Connection.Connection<string, string> | undefined

const noteState = (state: ConnectionState.ConnectionState) =>
  Effect.sync(() => {
    const gate = "gate" in state ? ` ${state.gate}` : ""
    record.states.push({ at: Date.now(), state: `${state._tag}${gate}` })
  })

const noteEvent = (event: ConnectionEvent) => Effect.sync(() => record.events.push(event._tag))

const make = (options: Options) => {
  const life = PageLifecycle.layer()
  const surroundings = PageLifecycle.layerSurroundings({ hidden: options.hidden }).pipe(Layer.provideMerge(life))
  const runtime = ManagedRuntime.make(Layer.merge(transports[options.transport](), surroundings))
  const program = Effect.gen(function* () {
    const page = yield* PageLifecycle.PageLifecycle
    page.listen((signal) => {
      if (PageLifecycle.isWake(signal)) record.wakes.push(Date.now())
    })
    const made = yield* Connection.make("page", {
      target: options.url,
      codec: Codec.text,
      heartbeat: Heartbeat.text({ every: "20 seconds", timeout: "10 seconds" }),
      reconnect: Reconnect.make({
        ...(options.polite === true ? Reconnect.polite : Reconnect.prompt),
        stableAfter: "50 millis",
        hedgeAfter: options.hedgeAfter
      }),
      outbox: { acks: { id: (text) => text, match: (text) => text } }
    })
    connection = made
    yield* Effect.forkScoped(Stream.runForEach(made.state.changes, noteState))
    yield* Effect.forkScoped(Stream.runForEach(made.events, noteEvent))
    yield* Stream.runForEach(made.entries, (entry) =>
      Effect.sync(() => record.entries.push(entry._tag === "Message" ? entry.message : `<${entry._tag}>`))
    )
  })
  runtime.runFork(Effect.scoped(program))
}

expose({
  make,
  record: () => record,
  state: () => {
    const state = connection?.state.getUnsafe()
    return state === undefined ? "" : `${state._tag}${"gate" in state ? ` ${state.gate}` : ""}`
  },
  metrics: () => Connection.metrics(connection!),
  send: (text: string) => connection!.send(text),
  /** Accepts a message and notes its outcome when it is known. */
  track: (text: string) =>
    Effect.map(Connection.track(connection!, text), (outcome) => {
      Effect.runFork(Effect.map(outcome, (delivery) => record.deliveries.push(delivery._tag)))
    }),
  /** Makes connections and closes their scopes, one after the other. */
  churn: (transport: keyof typeof transports, url: string, times: number) =>
    Effect.repeat(
      Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* Connection.make("churn", { target: url, codec: Codec.text })
          yield* connection.send("hello")
          yield* connection.receive
        })
      ),
      { times: times - 1 }
    ).pipe(Effect.asVoid, Effect.provide(transports[transport]())),
  /** Opens a connection and closes it; how long the closing took, in milliseconds. */
  closing: (transport: keyof typeof transports, url: string, closeTimeout: number) =>
    Effect.scoped(
      Effect.gen(function* () {
        const connection = yield* Connection.make("closing", { target: url, codec: Codec.text, closeTimeout })
        const from = performance.now()
        yield* connection.close
        return performance.now() - from
      })
    ).pipe(Effect.provide(transports[transport]())),
  /** How many locks this page's origin holds or waits for. */
  locks: () =>
    Effect.map(
      Effect.promise(() => navigator.locks.query()),
      ({ held = [], pending = [] }) => held.length + pending.length
    ),
  hang: (millis: number) => {
    const until = performance.now() + millis
    while (performance.now() < until);
  }
})

export type Record = typeof record
