/**
 * What the registry of `Subscriptions` is told, and how it talks to its owner.
 */
import type { Figures } from "../../Subscriptions.ts"
import type { SubscriptionEvent } from "../../SubscriptionState.ts"

export interface Hooks {
  /** Wall-clock milliseconds. */
  now(): number
  /** Monotonic milliseconds. */
  mono(): number
  /** There may be something to say, or a deadline has moved. */
  changed(): void
  event(make: () => SubscriptionEvent): void
  /** The epoch that is Ready, if any. */
  ready(): number | undefined
}

/** What is counted over all topics. */
export type Counts = { -readonly [K in Exclude<keyof Figures, "topics" | "confirmed">]: number }

export const noCounts = (): Counts => ({
  requests: 0,
  ackTimeouts: 0,
  rejections: 0,
  stray: 0,
  duplicates: 0,
  dropped: 0,
  resubscribed: 0,
  restarts: 0
})

export interface RegistryOptions<In> {
  readonly counts: Counts
  readonly dedupe: ((message: In) => unknown) | undefined
  /** Whether there is a message that unsubscribes. */
  readonly canUnsubscribe: boolean
  readonly firstId: number
  readonly hooks: Hooks
}
