/**
 * Kharbranth on Node: the transport on `ws`, and files of recordings.
 *
 * @since 0.1.0
 */
export * as NodeTransport from "./NodeTransport.ts"
export * as RecorderFiles from "./RecorderFiles.ts"
