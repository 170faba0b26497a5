/**
 * What a subscribed topic is doing, what its stream carries besides messages,
 * and what happens to subscriptions.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type { Lagged, Message } from "./Inbox.ts"

/**
 * Where a topic stands with the server.
 *
 * - `Waiting`: no session has been asked for it yet.
 * - `Asked`: the request is on its way.
 * - `Confirmed`: the server granted it, or its data came.
 * - `Silent`: it is confirmed, and its data clock has run out.
 * - `Rejected`: the server refused it, or never answered, or the connection is
 *   over; the next session, if there is one, tries again.
 * - `Released`: nobody wants it any more.
 *
 * @category models
 * @since 0.1.0
 */
export type TopicState =
  | { readonly _tag: "Waiting" }
  | { readonly _tag: "Asked"; readonly epoch: number }
  | { readonly _tag: "Confirmed"; readonly epoch: number; readonly since: number }
  | {
      readonly _tag: "Silent"
      readonly epoch: number
      readonly since: number
      /** Whether this session ever brought data of it. */
      readonly delivered: boolean
    }
  | { readonly _tag: "Rejected"; readonly epoch: number; readonly reason: string }
  | { readonly _tag: "Released" }

/**
 * Messages of this topic may be missing here.
 *
 * @category models
 * @since 0.1.0
 */
export interface Gap {
  readonly _tag: "Gap"
  /** The session that goes on from here. */
  readonly epoch: number
  /** When the last message before it came, in Unix milliseconds. */
  readonly from: number | undefined
  readonly to: number
  /** A session ended, or the topic was subscribed anew within one. */
  readonly reason: "session" | "resubscribed"
}

/**
 * An element of a topic's `entries`.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry<In> = Message<In> | Gap | Lagged

/**
 * What happens to subscriptions and is no state.
 *
 * @category models
 * @since 0.1.0
 */
export type SubscriptionEvent =
  | { readonly _tag: "AckTimedOut"; readonly epoch: number; readonly topics: ReadonlyArray<string> }
  | { readonly _tag: "Rejected"; readonly epoch: number; readonly topic: string; readonly reason: string }
  | {
      readonly _tag: "Silent"
      readonly epoch: number
      readonly topic: string
      readonly after: Duration.Duration
      /** Whether this session ever brought data of it; if not, it is acked but silent. */
      readonly delivered: boolean
    }
  | {
      readonly _tag: "Resubscribed"
      readonly epoch: number
      readonly topic: string
      readonly why: "silent" | "dropped"
    }
  | { readonly _tag: "RestartAsked"; readonly epoch: number; readonly topic: string }

/**
 * The server did not grant a topic.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubscriptionRejected extends Data.TaggedError("SubscriptionRejected")<{
  readonly connection: string
  readonly topic: string
  readonly reason: string
}> {
  override get message(): string {
    return `Connection "${this.connection}": topic "${this.topic}" is not subscribed: ${this.reason}.`
  }
}
