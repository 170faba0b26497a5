/**
 * A name's entries on their way to another process. Each has a place: the lease,
 * the opening under it, and its number there.
 */
import * as Result from "effect/Result"
import { type ConnectionError, OwnerFailed, OwnerLost } from "kharbranth/ConnectionError"
import * as Inbox from "kharbranth/Inbox"
import { CannotTravel } from "../../FleetError.ts"
import type { Lease } from "../../Lease.ts"
import { ofWireMessage, toWireMessage, type WireMessage } from "../kit/wireMessage.ts"

/** Where an entry stands. */
export interface Place {
  readonly lease: Lease
  /** Which of the owner's openings: a later one has a higher number. */
  readonly opening: number
  /** Its number in that opening; -1 of a marker for those that were lost. */
  readonly sequence: number
}

/** An entry, and where it stands. */
export interface Seen extends Place {
  readonly entry: Inbox.Entry<unknown>
  /** The place that its opening begins at, where nothing is missing in between. */
  readonly follows?: Place | undefined
}

type Fault = { readonly tag: string; readonly message: string; readonly owner?: string | undefined }

export type WireEntry =
  | { readonly _tag: "Message"; readonly epoch: number; readonly message: WireMessage }
  | (Omit<Inbox.Gap, "cause"> & { readonly cause: Fault })
  | Inbox.SessionOpened
  | Inbox.Lagged

const faultOf = (cause: ConnectionError): Fault => ({
  tag: cause._tag,
  message: cause.message,
  owner: cause._tag === "OwnerLost" ? cause.owner : undefined
})

export const toWireEntry = (entry: Inbox.Entry<unknown>): WireEntry => {
  if (entry._tag === "Message") return { ...entry, message: toWireMessage(entry.message) }
  if (entry._tag !== "Gap") return entry
  const resumed = toWireMessage(entry.resumed ?? null)
  return { ...entry, cause: faultOf(entry.cause), resumed: resumed._tag === "Json" ? resumed.value : undefined }
}

const causeOf = (connection: string, { message, owner, tag }: Fault): ConnectionError =>
  owner === undefined ? new OwnerFailed({ connection, tag, issue: message }) : new OwnerLost({ connection, owner })

/** The entry, or why it could not travel. */
export const ofWireEntry = (name: string, entry: WireEntry): Result.Result<Inbox.Entry<unknown>, CannotTravel> => {
  switch (entry._tag) {
    case "Message": {
      const { epoch, message } = entry
      return message._tag === "Refused"
        ? Result.fail(new CannotTravel({ name, path: message.path }))
        : Result.succeed(Inbox.message(epoch, ofWireMessage(message)))
    }
    case "Gap":
      return Result.succeed(Inbox.gap({ ...entry, cause: causeOf(name, entry.cause) }))
    case "SessionOpened":
      return Result.succeed(Inbox.sessionOpened(entry))
    case "Lagged":
      return Result.succeed(Inbox.lagged(entry.dropped, entry.atMost))
  }
}
