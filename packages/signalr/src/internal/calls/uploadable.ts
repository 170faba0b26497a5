/** What can be uploaded; a file of its own, because both the calls and the code loaded by the first upload need it. */
import * as Stream from "effect/Stream"
import type { SplitArguments } from "../../HubCodec.ts"

export type Upload = SplitArguments["uploads"][number]

/** Whether an argument is a stream to be uploaded; what it needs was given to it where it was made. */
export const isUploadable = (u: unknown): u is Stream.Stream<unknown, unknown> => Stream.isStream(u)
