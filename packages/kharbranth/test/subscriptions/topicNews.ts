/** What tests of subscriptions read: everything a stream brings, and an entry in one word. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Entry } from "kharbranth/Subscriptions"
import { type FromServer } from "./topicServer.ts"
import { settle } from "../support/passing.ts"

/** Collects what a stream brings, from now on. */
export const collect = <A, E>(stream: Stream.Stream<A, E>) =>
  Effect.gen(function* () {
    const items: Array<A> = []
    const fiber = yield* Effect.forkScoped(
      Effect.exit(Stream.runForEach(stream, (item) => Effect.sync(() => items.push(item))))
    )
    yield* settle
    return { items, fiber }
  })

export const brief = (entry: Entry<FromServer>): string =>
  entry._tag === "Message"
    ? `${entry.message.seq}`
    : entry._tag === "Gap"
      ? `gap:${entry.reason}`
      : `lagged:${entry.dropped}`

export const names = (count: number) => Array.from({ length: count }, (_, n) => `T${n}`)
