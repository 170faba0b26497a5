/**
 * A fleet of Kharbranth connections in Node: the cluster over sockets, the store in
 * Postgres, and a watchdog.
 *
 * @since 0.1.0
 */
export * as NodeFleet from "./NodeFleet.ts"
export * as ProcessWatchdog from "./ProcessWatchdog.ts"
export * as SetupError from "./SetupError.ts"
