/**
 * What can go wrong between a client and a server, as plain data. A fault is
 * injected into a `TestNetwork` and can be printed and compared;
 * `FaultSchedule` draws whole histories of trouble from a seed.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as ConnectionError from "../ConnectionError.ts"
import { at, millis, towards } from "./internal/faultParts.ts"

/**
 * A direction of travel.
 *
 * @category models
 * @since 0.1.0
 */
export type Direction = "toServer" | "toClient" | "both"

/**
 * What a fault concerns.
 *
 * @category models
 * @since 0.1.0
 */
export interface Where {
  /** One host (`"feed.example"`, with the port when the url has one). Default: all. */
  readonly host?: string | undefined
  /** One client process, by its name (`"client"` is the network's own). Default: all. */
  readonly process?: string | undefined
}

/**
 * What a fault concerns that has a direction.
 *
 * @category models
 * @since 0.1.0
 */
export interface Way extends Where {
  /** Default: `"both"`. */
  readonly direction?: Direction | undefined
}

/**
 * Every fault. The constructors below state what each does and their defaults.
 *
 * `Reset`, `Close`, `HalfOpen`, `CutMidWrite` and `Flood` happen at once, to the
 * sockets that exist; all others last until they are lifted. `Suspend` and
 * `WallClock` are in the client's process, and show on its clock.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault = Where &
  (
    | { readonly _tag: "Refuse"; readonly kind: ConnectionError.DialFailure }
    | { readonly _tag: "Hang" | "AcceptThenReset" }
    | { readonly _tag: "MutePongs" | "IgnoreClose" | "HoldOpen" | "SlowReader" | "Reset" }
    | { readonly _tag: "Reject"; readonly status: number; readonly retryAfterMillis?: number | undefined }
    | { readonly _tag: "TlsFailure"; readonly code: string }
    | { readonly _tag: "AcceptThenClose"; readonly code: number }
    | { readonly _tag: "Latency"; readonly millis: number; readonly jitterMillis: number }
    | { readonly _tag: "Loss"; readonly chance: number }
    | { readonly _tag: "Bandwidth"; readonly bytesPerSecond: number; readonly direction: Direction }
    | { readonly _tag: "Stall" | "Partition" | "HalfOpen"; readonly direction: Direction }
    | { readonly _tag: "LateEnd"; readonly afterMillis?: number | undefined }
    | { readonly _tag: "Close"; readonly code: number; readonly reason: string }
    | { readonly _tag: "CutMidWrite"; readonly frames: number }
    | { readonly _tag: "Flood"; readonly frames: number; readonly size: number }
    | { readonly _tag: "Suspend"; readonly monotonic: "stops" | "runs" }
    | { readonly _tag: "WallClock"; readonly offsetMillis: number }
  )

/**
 * Dials fail at once, as if nothing listened. Default kind: `"refused"`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (options: Where & { readonly kind?: ConnectionError.DialFailure | undefined } = {}): Fault => ({
  _tag: "Refuse",
  kind: options.kind ?? "refused",
  ...at(options)
})

/**
 * Dials are never answered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const hang = (options: Where = {}): Fault => ({ _tag: "Hang", ...at(options) })

/**
 * Upgrades are answered with an HTTP status.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reject = (
  options: Where & { readonly status: number; readonly retryAfter?: Duration.Input | undefined }
): Fault => ({
  _tag: "Reject",
  status: options.status,
  ...(options.retryAfter === undefined ? {} : { retryAfterMillis: millis(options.retryAfter) }),
  ...at(options)
})

/**
 * The TLS handshake fails. Default code: `CERT_HAS_EXPIRED`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tlsFailure = (options: Where & { readonly code?: string | undefined } = {}): Fault => ({
  _tag: "TlsFailure",
  code: options.code ?? "CERT_HAS_EXPIRED",
  ...at(options)
})

/**
 * Every socket is accepted and closed at once. Default code: 1011.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acceptThenClose = (options: Where & { readonly code?: number | undefined } = {}): Fault => ({
  _tag: "AcceptThenClose",
  code: options.code ?? 1011,
  ...at(options)
})

/**
 * Every socket is accepted and cut at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const acceptThenReset = (options: Where = {}): Fault => ({ _tag: "AcceptThenReset", ...at(options) })

/**
 * Everything takes so long one way, plus up to `jitter`. Default jitter: 0.
 *
 * @category constructors
 * @since 0.1.0
 */
export const latency = (
  options: Where & { readonly latency: Duration.Input; readonly jitter?: Duration.Input | undefined }
): Fault => ({
  _tag: "Latency",
  millis: millis(options.latency),
  jitterMillis: millis(options.jitter ?? 0),
  ...at(options)
})

/**
 * A packet is lost with this chance. It is sent again after 200 ms, then after 400 ms, and so on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const loss = (options: Where & { readonly chance: number }): Fault => ({
  _tag: "Loss",
  chance: options.chance,
  ...at(options)
})

/**
 * The path carries so many bytes a second. Default direction: both, each on its own.
 *
 * @category constructors
 * @since 0.1.0
 */
export const bandwidth = (options: Way & { readonly bytesPerSecond: number }): Fault => ({
  _tag: "Bandwidth",
  bytesPerSecond: options.bytesPerSecond,
  direction: options.direction ?? "both",
  ...at(options)
})

/**
 * Nothing arrives until it is lifted; then everything does, in order. Default
 * direction: both.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stall = (options: Way = {}): Fault => towards("Stall", options)

/**
 * The path is gone: sockets lose that direction for good and are told nothing;
 * dials wait until it is lifted. Default direction: both.
 *
 * @category constructors
 * @since 0.1.0
 */
export const partition = (options: Way = {}): Fault => towards("Partition", options)

/**
 * The sockets that exist now lose a direction for good and are told nothing; new
 * dials work. Default direction: both.
 *
 * @category constructors
 * @since 0.1.0
 */
export const halfOpen = (options: Way = {}): Fault => towards("HalfOpen", options)

/**
 * The server does not answer pings.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mutePongs = (options: Where = {}): Fault => ({ _tag: "MutePongs", ...at(options) })

/**
 * The server does not answer a close frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ignoreClose = (options: Where = {}): Fault => ({ _tag: "IgnoreClose", ...at(options) })

/**
 * The server answers a close frame, but never ends the TCP connection.
 *
 * @category constructors
 * @since 0.1.0
 */
export const holdOpen = (options: Where = {}): Fault => ({ _tag: "HoldOpen", ...at(options) })

/**
 * The server does not read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const slowReader = (options: Where = {}): Fault => ({ _tag: "SlowReader", ...at(options) })

/**
 * The platform reports an end only after a while, or when the client terminates.
 * Default: only when the client terminates.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lateEnd = (options: Where & { readonly after?: Duration.Input | undefined } = {}): Fault => ({
  _tag: "LateEnd",
  ...(options.after === undefined ? {} : { afterMillis: millis(options.after) }),
  ...at(options)
})

/**
 * Cuts every socket without a close frame.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reset = (options: Where = {}): Fault => ({ _tag: "Reset", ...at(options) })

/**
 * The server closes every socket. Default: 1001, no reason.
 *
 * @category constructors
 * @since 0.1.0
 */
export const close = (
  options: Where & { readonly code?: number | undefined; readonly reason?: string | undefined } = {}
): Fault => ({ _tag: "Close", code: options.code ?? 1001, reason: options.reason ?? "", ...at(options) })

/**
 * So many more frames of each client arrive, then its socket is cut. Default: none.
 *
 * @category constructors
 * @since 0.1.0
 */
export const cutMidWrite = (options: Where & { readonly frames?: number | undefined } = {}): Fault => ({
  _tag: "CutMidWrite",
  frames: options.frames ?? 0,
  ...at(options)
})

/**
 * Every socket is sent so many text frames of so many bytes, as fast as the path
 * admits them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const flood = (options: Where & { readonly frames: number; readonly size: number }): Fault => ({
  _tag: "Flood",
  frames: options.frames,
  size: options.size,
  ...at(options)
})

/**
 * The client's process is suspended: its timers stall and it sees no network.
 * When it wakes, the wall clock has moved on; the monotonic clock has stopped
 * in that time, or not. Default: it stops, as on Linux.
 *
 * @category constructors
 * @since 0.1.0
 */
export const suspend = (monotonic: "stops" | "runs" = "stops", options: Pick<Where, "process"> = {}): Fault => ({
  _tag: "Suspend",
  monotonic,
  ...at(options)
})

/**
 * The client's wall clock is off by so much, which may be negative.
 *
 * @category constructors
 * @since 0.1.0
 */
export const wallClock = (offset: Duration.Input, options: Pick<Where, "process"> = {}): Fault => ({
  _tag: "WallClock",
  offsetMillis: millis(offset),
  ...at(options)
})
