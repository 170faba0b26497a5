/** A probe as it leaves: a frame of the application's, or a protocol ping. */
import type { Frame } from "../../Message.ts"

export type WireProbe = Frame | { readonly ping: Uint8Array }

export const isFrame = (probe: WireProbe): probe is Frame => typeof probe === "string" || probe instanceof Uint8Array
