/**
 * What a message means to `Subscriptions`: data of a topic, or an answer to a
 * request of whatever shape the server chose. Topics go by their keys.
 *
 * @since 0.1.0
 */

/**
 * Data of one topic, or of several at once.
 *
 * @category models
 * @since 0.1.0
 */
export interface Data {
  readonly _tag: "Data"
  readonly topics: string | ReadonlyArray<string>
}

/**
 * A request was granted: that with the id, or the oldest; for these topics, or
 * for all of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ack {
  readonly _tag: "Ack"
  readonly id: number | undefined
  readonly topics: ReadonlyArray<string> | undefined
}

/**
 * The whole list of what is subscribed now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Current {
  readonly _tag: "Current"
  readonly topics: ReadonlyArray<string>
}

/**
 * A request was refused: that with the id, or the oldest; for these topics, or
 * for all of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Nack {
  readonly _tag: "Nack"
  readonly id: number | undefined
  readonly topics: ReadonlyArray<string> | undefined
  readonly reason: string
}

/**
 * @category models
 * @since 0.1.0
 */
export type Match = Data | Ack | Current | Nack

const listOf = (topics: string | ReadonlyArray<string> | undefined): ReadonlyArray<string> | undefined =>
  typeof topics === "string" ? [topics] : topics

// Servers send ids back as text too; one that is no number is nobody's.
const idOf = (id: number | string | undefined): number | undefined => (id === undefined ? undefined : Number(id))

/**
 * Data of one topic, or of several.
 *
 * @category constructors
 * @since 0.1.0
 */
export const data = (topics: string | ReadonlyArray<string>): Data => ({ _tag: "Data", topics })

/**
 * A request was granted. Without an id it is the oldest one, or with topics
 * whichever asked for them; without topics it is all of the request.
 *
 * @example
 * ```ts
 * import * as SubscriptionMatch from "kharbranth/SubscriptionMatch"
 * import { deepStrictEqual } from "node:assert"
 *
 * const perRequest = SubscriptionMatch.ack(7)
 * const perTopic = SubscriptionMatch.ack(undefined, "BTC-USD")
 * deepStrictEqual([perRequest.topics, perTopic.topics], [undefined, ["BTC-USD"]])
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ack = (id?: number | string, topics?: string | ReadonlyArray<string>): Ack => ({
  _tag: "Ack",
  id: idOf(id),
  topics: listOf(topics)
})

/**
 * The whole list of what is subscribed now. A confirmed topic that is not in it
 * is subscribed again.
 *
 * @category constructors
 * @since 0.1.0
 */
export const current = (topics: ReadonlyArray<string>): Current => ({ _tag: "Current", topics })

/**
 * A request was refused, with the reason to report.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nack = (options: {
  readonly id?: number | string | undefined
  readonly topics?: string | ReadonlyArray<string> | undefined
  readonly reason?: string | undefined
}): Nack => ({
  _tag: "Nack",
  id: idOf(options.id),
  topics: listOf(options.topics),
  reason: options.reason ?? "the server refused it"
})
