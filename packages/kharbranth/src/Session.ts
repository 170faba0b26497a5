/**
 * One session, as your programs see it: what `onOpen` is given, what a protocol
 * above a connection hooks into, what hooks hear, and what a dial permit is
 * asked for.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConnectionError } from "./ConnectionError.ts"
import type { DialPermitted, DialWaiting, RetryScheduled } from "./ConnectionEvent.ts"
import type * as Message from "./Message.ts"
import type { Dial } from "./Transport.ts"

/**
 * One socket's life as `onOpen` sees it, between Open and Ready.
 *
 * @category models
 * @since 0.1.0
 */
export interface Session<out In = Message.Data, in Out = Message.Input> {
  readonly epoch: number
  /** The subprotocol the server chose, or `""`. */
  readonly protocol: string
  /** Writes at once, before anything that waits in the outbox. */
  readonly send: (message: Out) => Effect.Effect<void, ConnectionError>
  /** Takes the first message that `pick` accepts. The rest reaches the stream in order, after the boundary's marker. */
  readonly receive: (pick?: (message: In) => boolean) => Effect.Effect<In, ConnectionError>
}

/**
 * A topic of a connection, and the tag of its state, for eyes.
 *
 * @category models
 * @since 0.1.0
 */
export interface Topic {
  readonly topic: string
  readonly state: string
}

/**
 * The seam for protocols above a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tap<in In, out Out = never> {
  /** Sees every message in order; a claimed one (`true`) goes no further. Synchronous, cheap, total. */
  readonly claim: (message: In, epoch: number) => boolean
  /** Runs in each session's opening, after the user's `onOpen` and before Ready. */
  readonly open?: ((session: Session<In, Out>) => Effect.Effect<unknown, unknown, Scope.Scope>) | undefined
  /**
   * The session is over, and the connection's state shows it. The error is what
   * cut it; a session that was closed by this side, such as an old one at the
   * end of its overlap, gives a `ConnectionClosed` with `initiator: "client"`.
   * Synchronous, cheap, total.
   */
  readonly ended?: ((epoch: number, error: ConnectionError) => void) | undefined
  /** The topics that it keeps, as observers see them. Default: none. */
  readonly topics?: (() => ReadonlyArray<Topic>) | undefined
}

/**
 * Programs that run for each frame, message and turn of a connection's life, one
 * after another and in order, beside the hot path. At most 1,024 wait. Further
 * ones are skipped, and the event `HookSkipped` reports it. Hooks do not read:
 * what nobody reads waits in the inbox. A program that handles messages by
 * `onMessage` alone drains the stream beside it: `Stream.runDrain(stream)`.
 *
 * @category options
 * @since 0.1.0
 */
export interface Hooks<R = never, in In = unknown> {
  /**
   * A message, decoded, also one that a protocol above the connection claims. To
   * wait for each and to miss none, read the stream.
   */
  readonly onMessage?: ((message: In, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  /** The next dial is scheduled: after a loss, or after a dial that failed. */
  readonly onReconnecting?: ((retry: RetryScheduled) => Effect.Effect<unknown, unknown, R>) | undefined
  /** A session is Ready after `onReconnecting`. */
  readonly onReconnected?: ((epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  /** The connection gave up: it is `Failed`. */
  readonly onReconnectFailed?:
    | ((error: ConnectionError, epoch: number) => Effect.Effect<unknown, unknown, R>)
    | undefined
  readonly onOpen?: ((epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onText?: ((text: string, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onBinary?: ((bytes: Uint8Array, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onPing?: ((payload: Uint8Array, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  readonly onPong?: ((payload: Uint8Array, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  /** A session or a dial is over, ended by either side or by the network. */
  readonly onClose?: ((error: ConnectionError, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
  /** Likewise, but not when this side closed it. */
  readonly onError?: ((error: ConnectionError, epoch: number) => Effect.Effect<unknown, unknown, R>) | undefined
}

/**
 * What a dial permit is asked for. The scope of the request closes when the
 * dial is over, with its outcome.
 *
 * @category models
 * @since 0.1.0
 */
export interface Permit extends Pick<Dial, "connection" | "epoch"> {
  readonly attempt: number
  readonly cause: ConnectionError | undefined
  /** Which of the target's urls is dialed, from 0. */
  readonly endpoint: number
  /** Takes what your events are to show of the wait; built only if somebody listens. Default: nobody is told. */
  readonly report?: ((event: () => DialWaiting | DialPermitted) => void) | undefined
}
