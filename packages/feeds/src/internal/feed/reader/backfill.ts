/**
 * Fills the gaps of a topic's trades over HTTP: what the venue still has of them
 * stands behind the `Gap`, marked, and each trade only once.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { FeedEvent, Gap, Marker, Trade } from "../../../FeedEvent.ts"
import type { Rest } from "../../../Rest.ts"
import type { Topic } from "../../../Topic.ts"
import type { Venue } from "../../../Venue.ts"

export interface BackfillOptions {
  readonly venue: Venue
  readonly topic: Topic
  readonly rest: Rest
  readonly now: () => number
  readonly admit: (trade: Trade) => boolean
  readonly failed: (issue: string) => void
}

const isFillable = (item: FeedEvent | Marker): item is Gap => item._tag === "Gap" && item.reason !== "malformed"

/** Turns what was read into what its reader gets: the same, with each gap filled as far as the venue can. */
export const backfilling = (
  options: BackfillOptions
): ((items: ReadonlyArray<FeedEvent | Marker>) => Effect.Effect<ReadonlyArray<FeedEvent | Marker>>) => {
  let last: Trade | undefined
  const remember = (item: FeedEvent | Marker): void => {
    if (item._tag === "Trade") last = item
  }
  const filled = (items: ReadonlyArray<FeedEvent | Marker>): Effect.Effect<ReadonlyArray<FeedEvent | Marker>> =>
    Effect.map(
      Effect.forEach(items, (item) =>
        Effect.suspend(() => {
          remember(item)
          return isFillable(item) && last !== undefined
            ? Effect.map(missed(options, last), (trades) => [item, ...trades])
            : Effect.succeed([item])
        })
      ),
      (lists) => lists.flat()
    )
  return (items) => {
    if (items.some(isFillable)) return filled(items)
    for (const item of items) remember(item)
    return Effect.succeed(items)
  }
}

const missed = (
  { admit, failed, now, rest, topic, venue }: BackfillOptions,
  last: Trade
): Effect.Effect<ReadonlyArray<Trade>> => {
  const request = venue.trades?.(topic, last)
  if (request === undefined) return Effect.succeed([])
  return rest.ask({ url: request.url, weight: request.weight }).pipe(
    Effect.match({
      onFailure: (error) => {
        failed(error.message)
        return []
      },
      onSuccess: (body) => {
        const at = now()
        const found = request.decode(body, at)
        if (Result.isFailure(found)) {
          failed(found.failure.message)
          return []
        }
        const known = last.venueTime ?? 0
        const isMissed = (trade: Trade) => (trade.venueTime ?? known) >= known && admit(trade)
        return found.success
          .filter(isMissed)
          .map((trade) => Object.assign(trade, { backfilled: true, deliveryTime: at }))
      }
    })
  )
}
