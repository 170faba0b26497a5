/**
 * Kharbranth in a page: the transport on the platform's WebSocket, the page's
 * own life, and one socket for all tabs of an origin.
 *
 * @since 0.1.0
 */
export * as BrowserTransport from "./BrowserTransport.ts"
export * as PageLifecycle from "./PageLifecycle.ts"
export * as SharedTransport from "./SharedTransport.ts"
