/**
 * How a feed refuses a topic.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type { PoolFull } from "kharbranth/ConnectionPool"

/**
 * The feed does not know the topic: it names no venue, or one that the feed does
 * not have, or a channel that the venue does not offer.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownTopic extends Data.TaggedError("UnknownTopic")<{
  readonly venue: string | undefined
  readonly channel: string
  readonly symbol: string
  readonly issue: string
}> {
  override get message(): string {
    return `${this.channel} of "${this.symbol}": ${this.issue}.`
  }
}

/**
 * Why a topic cannot be read.
 *
 * @category models
 * @since 0.1.0
 */
export type FeedError = UnknownTopic | PoolFull | ConnectionError
