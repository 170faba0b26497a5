/**
 * A hub server in this process, for your own tests.
 *
 * @since 0.1.0
 */
export * as HubServer from "./HubServer.ts"
export * as TypedHub from "./TypedHub.ts"
