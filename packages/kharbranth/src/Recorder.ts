/**
 * A flight recorder: keeps the last events of each connection in bounded memory,
 * with the time and the cause of each, so that "why did it disconnect?" has an
 * answer afterwards. Provide `layer` once, where your connections are made.
 *
 * **Details**
 *
 * - A recording shows no payload, header, query or close reason.
 * - A cause is an earlier entry's number. It follows from the numbers of sessions,
 *   dials and probes and from the step of the lifecycle that reported the event,
 *   never from times.
 * - Heartbeats are folded: the last probe and its answer are kept, the others
 *   counted. So are edges of backpressure, and the dial of a session that is Stable.
 * - What has happened since the last Stable session is evicted last.
 *
 * Features must not be built on a recording: it is for eyes, and what it keeps may
 * change. Outcomes that your program depends on reach it directly.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Result from "effect/Result"
import type * as Stream from "effect/Stream"
import type { ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import type { ConnectionEvent } from "./ConnectionEvent.ts"
import type { ConnectionMetrics } from "./ConnectionMetrics.ts"
import type { ConnectionState } from "./ConnectionState.ts"
import { layer as observing } from "./internal/connection/use/observers.ts"
import * as internal from "./internal/recording/recorder.ts"
import * as Text from "./internal/recording/text.ts"

/**
 * An error as plain data. `fields` has what the error says of itself: a status, a
 * kind, a duration in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlainError {
  readonly tag: ConnectionError["_tag"]
  readonly message: string
  readonly fields: Readonly<Record<string, string | number | boolean>>
}

/**
 * A value as it is recorded: durations are milliseconds, errors are `PlainError`s.
 *
 * @category models
 * @since 0.1.0
 */
export type Plain<A> = A extends Duration.Duration
  ? number
  : A extends ConnectionError
    ? PlainError
    : A extends object
      ? { readonly [K in keyof A]: Plain<A[K]> }
      : A

/**
 * What an entry is about.
 *
 * @category models
 * @since 0.1.0
 */
export type Source = "connection" | "session" | "dial" | "probe" | "inbox" | "outbox" | "budget" | "user"

/**
 * One event in a recording.
 *
 * @category models
 * @since 0.1.0
 */
export interface Entry {
  /** Numbers the entries of a connection from 1; what is missing was folded or evicted. */
  readonly seq: number
  /** Monotonic milliseconds since the recorder's first connection was made. */
  readonly at: number
  readonly source: Source
  /** The session that it belongs to: the last one dialed, where it belongs to none. */
  readonly epoch: number
  /** The `seq` of its cause, where the cause is known. */
  readonly because?: number | undefined
  readonly event: Plain<ConnectionEvent>
}

/**
 * An input of the lifecycle and the state that it led to. `Replay` runs them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Step {
  /** Unix milliseconds. */
  readonly now: number
  readonly input: Readonly<Record<string, unknown>>
  readonly state: Plain<ConnectionState>
}

/**
 * How many recorded connections share something, and how many of them are connected.
 *
 * @category models
 * @since 0.1.0
 */
export interface Others {
  readonly connections: number
  readonly connected: number
}

/**
 * What a recorder knows of one connection, as plain data that survives JSON.
 *
 * @category models
 * @since 0.1.0
 */
export interface Recording {
  readonly format: "kharbranth-recording"
  readonly version: 1
  /** The wall clock at `at: 0`. */
  readonly startedAt: string
  /** When this recording was taken, as an entry's `at`. */
  readonly takenAt: number
  readonly connection: {
    readonly name: string
    /** The hosts of its target, where they are known without dialing. */
    readonly hosts: ReadonlyArray<string>
    /** In milliseconds and bytes. */
    readonly policies: {
      readonly dialTimeout: number
      readonly openTimeout: number
      readonly maxStall: number
      readonly ttl: number
      readonly overflow: string
      readonly highWaterMark: number
    }
  }
  readonly state: Plain<ConnectionState>
  readonly metrics: ConnectionMetrics
  /** What the recorder's other connections do: those of the same hosts, and all. */
  readonly others: { readonly sameHost: Others; readonly all: Others }
  /** How many events were counted instead of kept. */
  readonly folded: {
    readonly probes: number
    readonly pulses: number
    readonly control: number
    readonly edges: number
    readonly phases: number
  }
  /** How many entries had to go for room. */
  readonly evicted: number
  readonly entries: ReadonlyArray<Entry>
  /** With the option `steps`: the last steps of the lifecycle, and the state before them. */
  readonly steps?: { readonly from: Readonly<Record<string, unknown>>; readonly taken: ReadonlyArray<Step> } | undefined
}

/**
 * The bounds of a recorder, and what it does when a connection fails.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The most entries of a connection. Default: 128. */
  readonly entries?: number | undefined
  /** The most bytes of all entries together, about. Default: 16 MiB. */
  readonly bytes?: number | undefined
  /** How many steps of the lifecycle to keep of each connection, for `Replay`. Default: none. */
  readonly steps?: number | undefined
  /**
   * Runs with the recording of a connection that gave up. At most 64 run at a
   * time; a failure of it is logged. Default: nothing.
   */
  readonly onFailed?: ((recording: Recording) => Effect.Effect<unknown, unknown>) | undefined
}

/**
 * Gives the recordings.
 *
 * @category services
 * @since 0.1.0
 */
export class Recorder extends Context.Service<
  Recorder,
  {
    /** The names there are recordings of. The last 64 connections that were closed are among them. */
    readonly names: Effect.Effect<ReadonlyArray<string>>
    /** The recording of a connection: of the newest, where several had the name. */
    readonly of: (name: string) => Effect.Effect<Option.Option<Recording>>
    /** Recordings as text, one connection a piece, for a file. Default: all of them. */
    readonly dump: (where?: (name: string) => boolean) => Stream.Stream<string>
  }
>()("kharbranth/Recorder") {}

/**
 * Records every connection that is made with it.
 *
 * @example
 * ```ts
 * import * as Connection from "kharbranth/Connection"
 * import * as Recorder from "kharbranth/Recorder"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   yield* Effect.gen(function*() {
 *     yield* Connection.make("echo", { target: "wss://echo.example/" })
 *     const recorder = yield* Recorder.Recorder
 *     const recording = Option.getOrThrow(yield* recorder.of("echo"))
 *     const [first, ...others] = recording.entries
 *     deepStrictEqual([first?.seq, first?.event._tag, first?.because], [1, "DialStarted", undefined])
 *     deepStrictEqual(others.find(({ event }) => event._tag === "GatePassed")?.because, 1)
 *   }).pipe(network.provide, Effect.provide(Recorder.layer()))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Recorder, InvalidOptions> =>
  Layer.unwrap(
    Effect.map(internal.build(options), ({ observation, recorder }) =>
      Layer.merge(Layer.succeed(Recorder, recorder), observing(observation))
    )
  )

/**
 * A recording as lines of JSON: what it says of the connection, then an entry a
 * line. Recordings of several connections follow each other in one text.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toText: (recording: Recording) => string = Text.write

/**
 * Reads what `toText` and `dump` wrote. A line that is none of theirs is a failure
 * that says which line it is.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromText: (text: string) => Result.Result<ReadonlyArray<Recording>, InvalidOptions> = Text.read
