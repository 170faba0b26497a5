/**
 * How a session shows that it lives, and how it is found dead. Two machines:
 * the keepalive sends what the server wants to see, on a schedule; the detector
 * watches for silence. A heartbeat is data; the session drives it.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type { InvalidOptions } from "./ConnectionError.ts"
import * as internal from "./internal/heartbeat/make.ts"
import * as Probes from "./internal/heartbeat/probes.ts"
import type { Frame } from "./Message.ts"

declare const made: unique symbol

/**
 * What a heartbeat sends, and what counts as its answer (a Pulse). Opaque: the
 * constructors of this module make probes.
 *
 * - `None` and `Challenge` send nothing by themselves. On demand they ping, where the transport can.
 * - `Ping` sends protocol pings; a pong with the same payload is the pulse.
 * - `Frame` sends data frames. A frame that answers one does not reach the stream.
 * - `Challenge` answers what the server asks.
 *
 * @category models
 * @since 0.1.0
 */
export interface Probe {
  readonly _tag: "None" | "Ping" | "Frame" | "Challenge"
  /** Nobody else can make one. */
  readonly [made]: true
}

/**
 * What a heartbeat needs to know of a transport: whether it can ping. It is a
 * part of `Transport.Capabilities`.
 *
 * @category models
 * @since 0.1.0
 */
export interface CanPing {
  readonly ping: unknown
}

/**
 * A heartbeat: what it sends and when, and what it takes for death.
 *
 * @category models
 * @since 0.1.0
 */
export interface Heartbeat {
  readonly probe: Probe
  /** When probes are sent. Inbound traffic does not suppress them, unless `onlyWhenIdle`. */
  readonly cadence: Schedule.Schedule<unknown> | undefined
  /** Dead when nothing at all came for this long after a probe was written. */
  readonly timeout: Duration.Duration | undefined
  /** How many probes may go unanswered in a row; one more than allowed is death. */
  readonly maxMissed: number
  /** Dead when nothing at all came for this long, probes or not. */
  readonly idle: Duration.Duration | undefined
  /** Send a probe only if nothing came since the last one. */
  readonly onlyWhenIdle: boolean
  /** The second clock: application data only. Pings and pulses do not count. */
  readonly data: { readonly within: Duration.Duration } | undefined
  /** The constructor that made it, and what it was given: looked at when a connection is made. */
  readonly from?: { readonly by: string; readonly options: unknown } | undefined
}

/**
 * A heartbeat of protocol pings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pinging extends Heartbeat {
  readonly probe: Probe & { readonly _tag: "Ping" }
}

/**
 * What every heartbeat may watch besides its probes.
 *
 * @category models
 * @since 0.1.0
 */
export interface WatchOptions {
  /** Dead when nothing at all came for this long. Default: no such rule. */
  readonly idle?: Duration.Input | undefined
  /** Expect application data within this time. Default: not watched. */
  readonly data?: { readonly within: Duration.Input } | undefined
}

/**
 * What every heartbeat that sends probes takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface ProbeOptions extends WatchOptions {
  /** When probes are sent: a fixed cadence, or a schedule. Default: every 20 seconds. */
  readonly every?: Duration.Input | Schedule.Schedule<unknown> | undefined
  /**
   * Dead when nothing at all came for this long after a probe. `"Infinity"`
   * sends probes without ever declaring death. Default: 10 seconds.
   */
  readonly timeout?: Duration.Input | undefined
  /** How many probes in a row must go unanswered. Default: 1. */
  readonly maxMissed?: number | undefined
  /** Send a probe only if nothing came since the last one. Default: false. */
  readonly onlyWhenIdle?: boolean | undefined
}

/**
 * Protocol pings. The transport must be able to send them: browsers cannot.
 *
 * @example
 * ```ts
 * import * as Heartbeat from "kharbranth/Heartbeat"
 * import { strictEqual } from "node:assert"
 *
 * const heartbeat = Heartbeat.ping({ every: "20 seconds", timeout: "10 seconds" })
 * const inBrowser = { ping: false, pause: false, headers: false, bytes: false } as const
 * strictEqual(Heartbeat.check(heartbeat, inBrowser, "feed")?._tag, "InvalidOptions")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ping = (options: ProbeOptions = {}): Pinging => internal.probing("ping", Probes.ping, options) as Pinging

/**
 * What `frame` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface FrameOptions extends ProbeOptions {
  /** Makes probe number `id`. */
  readonly make: (id: number) => Frame
  /** Whether a frame answers probe `id`. */
  readonly match: (frame: Frame, id: number) => boolean
}

/**
 * Probes of your own making, text or binary.
 *
 * @category constructors
 * @since 0.1.0
 */
export const frame = (options: FrameOptions): Heartbeat =>
  internal.probing("frame", Probes.asking(Probes.making(options.make), Probes.matchingFrame(options.match)), options)

/**
 * What `text` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface TextOptions extends ProbeOptions {
  /** The text that is sent. Default: `"ping"`. */
  readonly probe?: string | undefined
  /** The text that answers it, or how to tell. Default: `"pong"`. */
  readonly pulse?: string | ((text: string) => boolean) | undefined
}

/**
 * Text probes, for servers that answer `ping` with `pong`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const text = (options: TextOptions = {}): Heartbeat => {
  // JavaScript callers may pass a value of any type.
  const probe: unknown = options.probe ?? "ping"
  return internal.probing(
    "text",
    Probes.asking(() => String(probe), Probes.matching(Probes.textPulse(options.pulse ?? "pong"))),
    options
  )
}

/**
 * What `json` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface JsonOptions extends ProbeOptions {
  /** Makes probe number `id`; sent as JSON text. */
  readonly make: (id: number) => unknown
  /** Whether a message answers probe `id`. */
  readonly match: (message: unknown, id: number) => boolean
  /** Text that every answer contains. Frames without it are not even parsed. Default: every frame is parsed. */
  readonly contains?: string | undefined
}

/**
 * JSON probes with an id, so that the round trip can be measured.
 *
 * @example
 * ```ts
 * import * as Heartbeat from "kharbranth/Heartbeat"
 * import { strictEqual } from "node:assert"
 *
 * const heartbeat = Heartbeat.json({
 *   every: "20 seconds",
 *   make: (id) => ({ op: "ping", id }),
 *   match: (message, id) => (message as { id?: number }).id === id,
 *   contains: "\"pong\""
 * })
 * strictEqual(heartbeat.probe._tag, "Frame")
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const json = (options: JsonOptions): Heartbeat =>
  internal.probing(
    "json",
    Probes.asking(Probes.makingJson(options.make), Probes.matchingJson(options.match, options.contains)),
    options
  )

/**
 * What `challenge` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface ChallengeOptions extends WatchOptions {
  /** Whether a frame asks for an answer. Such a frame does not reach the stream. */
  readonly match: (frame: Frame) => boolean
  /** The answer. One that throws ends the session. */
  readonly reply: (frame: Frame) => Frame
}

/**
 * The server asks, we answer. Give `idle` to notice that it stopped asking.
 *
 * @category constructors
 * @since 0.1.0
 */
export const challenge = (options: ChallengeOptions): Heartbeat =>
  internal.watching(
    "challenge",
    Probes.answering(Probes.matchingFrame(options.match), Probes.replying(options.reply)),
    options
  )

/**
 * What `challengeJson` takes.
 *
 * @category options
 * @since 0.1.0
 */
export interface ChallengeJsonOptions extends WatchOptions {
  /** Whether a message asks for an answer. Such a message does not reach the stream. */
  readonly match: (message: unknown) => boolean
  /** The answer, sent as JSON text. One that throws ends the session. */
  readonly reply: (message: unknown) => unknown
  /** Text that every challenge contains. Frames without it are not even parsed. Default: every frame is parsed. */
  readonly contains?: string | undefined
}

/**
 * {@link challenge} in JSON.
 *
 * @category constructors
 * @since 0.1.0
 */
export const challengeJson = (options: ChallengeJsonOptions): Heartbeat =>
  internal.watching(
    "challengeJson",
    Probes.answering(Probes.matchingJson(options.match, options.contains), Probes.replyingJson(options.reply)),
    options
  )

/**
 * Sends nothing and watches for silence, for servers that send by themselves.
 *
 * @category constructors
 * @since 0.1.0
 */
export const passive = (options: WatchOptions & { readonly idle: Duration.Input }): Heartbeat =>
  internal.watching("passive", Probes.none, options)

/**
 * Neither sends nor watches. A dead peer is noticed when the platform does,
 * which can take hours. No pong confirms a tracked message by itself: without
 * `outbox.acks` its outcome waits for `Connection.ping` or the session's end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const none: Heartbeat = internal.watching("passive", Probes.none, undefined)

/**
 * What is wrong with a heartbeat on such a transport, if anything.
 *
 * @category checks
 * @since 0.1.0
 */
export const check: (heartbeat: Heartbeat, transport: CanPing, connection: string) => InvalidOptions | undefined =
  internal.check
