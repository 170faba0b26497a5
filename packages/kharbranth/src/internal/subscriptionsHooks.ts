/**
 * What the registry of `Subscriptions` is told, and how it talks to its owner.
 */
import type { SubscriptionEvent } from "../SubscriptionState.ts"

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

export interface RegistryOptions<In> {
  readonly dedupe: ((message: In) => unknown) | undefined
  /** Whether there is a message that unsubscribes. */
  readonly canUnsubscribe: boolean
  readonly firstId: number
  readonly hooks: Hooks
}
