/**
 * Kharbranth on Node: the transport on `ws`.
 *
 * @since 0.1.0
 */
export * as NodeTransport from "./NodeTransport.ts"
