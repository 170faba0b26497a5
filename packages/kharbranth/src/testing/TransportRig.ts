/**
 * What a transport's test provides to the conformance suite: a real peer that
 * the cases control. `TransportConformance` exports all of it too.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as ConnectionError from "../ConnectionError.ts"
import type { Frame, Message } from "../Message.ts"
import type * as Transport from "../Transport.ts"

/**
 * How a listener treats the upgrades that reach it.
 *
 * @category models
 * @since 0.1.0
 */
export type Door =
  | {
      readonly _tag: "Accept"
      /** What it speaks; the first that the client offers is chosen. Default: none. */
      readonly subprotocols?: ReadonlyArray<string> | undefined
      /** Frames that it sends in the same breath as its answer. Default: none. */
      readonly greeting?: ReadonlyArray<Frame> | undefined
      /** Whether it answers a close frame. Default: true. */
      readonly answersClose?: boolean | undefined
    }
  | { readonly _tag: "Reject"; readonly status: number; readonly retryAfterSeconds?: number | undefined }
  /** Takes the TCP connection and the request, and never answers. */
  | { readonly _tag: "Hold" }

/**
 * The server's end of one socket. It answers pings, and nothing else by itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface RigPeer {
  /** The request's headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The next message, control frames included, in the order of arrival. Code 1005 stands for none. */
  readonly receive: Effect.Effect<Message>
  /** Sends frames back to back. Need not wait until they have left. */
  readonly send: (frames: ReadonlyArray<Frame>) => Effect.Effect<void>
  /** Sends a message's first half as a fragment of its own; the inner effect sends the rest. */
  readonly begin: (frame: Uint8Array) => Effect.Effect<Effect.Effect<void>>
  readonly ping: (payload: Uint8Array) => Effect.Effect<void>
  /** Starts the closing handshake, behind what was sent. Without a code, the close frame is empty. */
  readonly close: (code?: number, reason?: string) => Effect.Effect<void>
  /** Cuts the TCP connection without a close frame. */
  readonly reset: Effect.Effect<void>
  /** Stops reading from the socket. */
  readonly pause: Effect.Effect<void>
  readonly resume: Effect.Effect<void>
  /** Completes when the TCP connection is gone. */
  readonly gone: Effect.Effect<void>
}

/**
 * A server of the rig, under a url of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** An absolute url; cases may add a query to it. */
  readonly url: string
  /** The next socket that was accepted. */
  readonly peer: Effect.Effect<RigPeer>
  /** Completes when a request has reached it (for `Hold`). */
  readonly asked: Effect.Effect<void>
  /** Completes when a client has been there and no TCP connection is left. */
  readonly deserted: Effect.Effect<void>
}

/**
 * The other side of a transport under test: real servers, on the wire or in a
 * `TestNetwork`.
 *
 * @category services
 * @since 0.1.0
 */
export class Rig extends Context.Service<
  Rig,
  {
    /** Starts a server; it stops with the scope. */
    readonly listen: (door: Door) => Effect.Effect<Listener, never, Scope.Scope>
    /** A url where nothing listens. */
    readonly nowhere: string
    /** The platform's deep printer, such as Node's `inspect`; it must not find a secret either. */
    readonly inspect?: ((value: unknown) => string) | undefined
  }
>()("kharbranth/testing/TransportRig") {}

/**
 * A promise that the transport did not keep.
 *
 * @category errors
 * @since 0.1.0
 */
export class Broken extends Data.TaggedError("Broken")<{
  /** What was expected, and what happened. */
  readonly issue: string
}> {
  override get message(): string {
    return `The transport broke its contract: ${this.issue}`
  }
}

/**
 * What a case needs beyond what every transport can do: a capability, or
 * `"status"`: the platform shows why an upgrade was refused.
 *
 * @category models
 * @since 0.1.0
 */
export type Need = Exclude<keyof Transport.Capabilities, "compression" | "concurrentDials"> | "status"

/**
 * One promise of a transport. It fails with an error that says what was
 * expected; a transport that never does what a case waits for makes it hang, so
 * run each case under the runner's timeout.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly name: string
  readonly needs: ReadonlyArray<Need>
  readonly run: Effect.Effect<void, Broken | ConnectionError.DialError, Transport.Transport | Rig | Scope.Scope>
}
