/**
 * The messages between tabs, over the channel. `term` names the time of one
 * leader with one socket. A message of another term is old, or about another
 * socket, and is ignored. `from` and `to` name one dial of one tab.
 */
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial } from "kharbranth/Transport"
import * as LinkErrors from "../link/linkErrors.ts"

export type TabMessage =
  /** A tab looks for the socket. */
  | { readonly kind: "join"; readonly from: string }
  /** Are you alive? */
  | { readonly kind: "ask" }
  /** The leader is alive; whether its socket is open yet. */
  | { readonly kind: "beat"; readonly term: string; readonly open: boolean }
  /** The socket is yours too, from frame number `next` on. */
  | {
      readonly kind: "welcome"
      readonly term: string
      readonly to: string
      readonly protocol: string
      readonly next: number
    }
  | {
      readonly kind: "frames"
      readonly term: string
      readonly first: number
      readonly frames: ReadonlyArray<Frame>
      readonly sizes: ReadonlyArray<number>
    }
  | {
      readonly kind: "write"
      readonly term: string
      readonly from: string
      readonly frames: ReadonlyArray<Frame>
      readonly bytes: number
    }
  /** The socket has taken this many bytes of yours, and has room. */
  | { readonly kind: "wrote"; readonly term: string; readonly to: string; readonly bytes: number }
  /** A follower's verdict: the socket is dead; it had seen frames up to `next`. */
  | { readonly kind: "suspect"; readonly term: string; readonly next: number }
  | { readonly kind: "leave"; readonly term: string; readonly from: string }
  | { readonly kind: "end"; readonly term: string; readonly end: End }
  /** The leader's message to itself, behind its last one to the others. */
  | { readonly kind: "farewell"; readonly term: string }

/** How the socket ended, as far as the other tabs' policies care. */
export type End =
  | { readonly _tag: "ConnectionClosed"; readonly code: number; readonly reason: string }
  | { readonly _tag: "ProtocolError"; readonly code: number; readonly issue: string }
  | { readonly _tag: "ConnectionDropped" }

/** A channel that anything on the origin can write to: what is not a message of ours is not read. */
export const isTabMessage = (data: unknown): data is TabMessage =>
  typeof data === "object" && data !== null && "kind" in data && typeof data.kind === "string"

/** A view is cloned with everything under it, so only bytes that fill their buffer travel as they are. */
export const packed = (frame: Frame): Frame =>
  typeof frame === "string" || frame.byteLength === frame.buffer.byteLength ? frame : frame.slice()

/** A close by the leader is its own business: to the others the socket was cut, and what was in flight is unknown. */
export const encodeEnd = (error: ConnectionError.LinkError): End => {
  switch (error._tag) {
    case "ConnectionClosed":
      return error.initiator === "client"
        ? { _tag: "ConnectionDropped" }
        : { _tag: "ConnectionClosed", code: error.code, reason: Redacted.value(error.reason) }
    case "ProtocolError":
      return { _tag: "ProtocolError", code: error.code, issue: error.issue }
    case "ConnectionDropped":
    case "MessageTooLarge":
    case "ReadError":
    case "WriteError":
      return { _tag: "ConnectionDropped" }
  }
}

export const decodeEnd = (dial: Dial, end: End): ConnectionError.LinkError => {
  switch (end._tag) {
    case "ConnectionClosed":
      return LinkErrors.closed(dial, undefined, end)
    case "ProtocolError":
      return new ConnectionError.ProtocolError({ ...end, connection: dial.connection, epoch: dial.epoch })
    case "ConnectionDropped":
      return LinkErrors.dropped(dial, { _tag: "LeaderEnded" })
  }
}
