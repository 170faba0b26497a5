/** The numbers of stateful reconnect, apart from the code that only those load who use it. */

/** How long after the first unconfirmed message an acknowledgement is due, in milliseconds. */
export const ackDelay = 1000

/** The default bound of unconfirmed messages, in bytes. */
export const defaultLimit = 100_000
