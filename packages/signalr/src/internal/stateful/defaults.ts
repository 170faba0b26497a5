/** What stateful reconnect needs to know before its book is loaded. */

/** How long after the first unconfirmed message an acknowledgement is due, in milliseconds. */
export const ackDelay = 1000

/** The default bound of unconfirmed messages, in bytes. */
export const defaultLimit = 100_000
