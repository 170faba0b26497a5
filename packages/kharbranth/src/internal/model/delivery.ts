/** The outcomes of an outgoing message. `Outbox` gives them their public names. */
import type { SendError } from "../../ConnectionError.ts"
import type { Confirmed, Dropped, Expired, Failed, Unknown } from "../../Outbox.ts"

export const confirmed = (by: Confirmed["by"]): Confirmed => ({ _tag: "Confirmed", by })
export const expired: Expired = { _tag: "Expired" }
export const dropped = (reason: Dropped["reason"]): Dropped => ({ _tag: "Dropped", reason })
export const failed = (error: SendError): Failed => ({ _tag: "Failed", error })
export const unknown: Unknown = { _tag: "Unknown" }
