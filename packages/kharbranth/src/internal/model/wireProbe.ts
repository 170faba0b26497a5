/** A probe as it leaves: a frame of the application's, or a protocol ping. */
import type { Frame } from "../../Message.ts"

export type WireProbe = Frame | { readonly ping: Uint8Array }
