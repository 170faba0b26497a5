/**
 * Connections that outlive their sockets.
 *
 * @since 0.1.0
 */

/**
 * @category modules
 * @since 0.1.0
 */
export * as Codec from "./Codec.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Connection from "./Connection.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionError from "./ConnectionError.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionEvent from "./ConnectionEvent.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionMetrics from "./ConnectionMetrics.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionObserver from "./ConnectionObserver.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionState from "./ConnectionState.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Heartbeat from "./Heartbeat.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Inbox from "./Inbox.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Message from "./Message.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Outbox from "./Outbox.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as RateLimit from "./RateLimit.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Recorder from "./Recorder.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Reconnect from "./Reconnect.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Replay from "./Replay.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Target from "./Target.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Transport from "./Transport.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Watch from "./Watch.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionManager from "./ConnectionManager.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ConnectionPool from "./ConnectionPool.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Delivery from "./Delivery.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as DialBudget from "./DialBudget.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ManagerCommand from "./ManagerCommand.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as ManagerEvent from "./ManagerEvent.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Requests from "./Requests.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Session from "./Session.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Subscriptions from "./Subscriptions.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Surroundings from "./Surroundings.ts"

/**
 * @category modules
 * @since 0.1.0
 */
export * as Why from "./Why.ts"
