/**
 * The demo's page for Prometheus: our client's connections by venue, the budget of
 * its dials, and the topics of each venue.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type * as Feed from "@kharbranth/feeds/Feed"
import * as Prometheus from "@kharbranth/telemetry/Prometheus"
import * as Telemetry from "@kharbranth/telemetry/Telemetry"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { TopicState } from "kharbranth/Subscriptions"
import { type VenueId, venueIds } from "./wire.ts"

/** On loopback; port 0 is any that is free. */
export const layer = (port: number) =>
  Prometheus.layer({ group: ({ name }) => name.split("/")[0] ?? name, maxGroups: 16 }).pipe(
    Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port }))
  )

/** Where the page is, if it is served. */
export const address = Effect.map(
  Effect.serviceOption(HttpServer.HttpServer),
  Option.match({
    onNone: () => undefined,
    onSome: ({ address }) => ("port" in address ? `http://127.0.0.1:${address.port}/metrics` : undefined)
  })
)

const topicsOf = (feed: Feed.Feed, venue: VenueId) =>
  Effect.map(feed.topics, (all) => {
    const own = all.filter(({ line }) => line.split("/")[0] === venue)
    const count = (...tags: ReadonlyArray<TopicState["_tag"]>): number =>
      own.filter(({ state }) => tags.includes(state._tag)).length
    return { topics: own.length, confirmed: count("Confirmed", "Silent"), quarantined: count("Quarantined") }
  })

/** Shows what belongs to no connection, until the Scope closes. Without a page it does nothing. */
export const watch = (feed: Feed.Feed) =>
  Effect.gen(function* () {
    const telemetry = yield* Effect.serviceOption(Telemetry.Telemetry)
    if (Option.isNone(telemetry)) return
    const { watchBudget, watchSubscriptions } = telemetry.value
    yield* watchBudget(feed.connections.budget)
    for (const venue of venueIds) yield* watchSubscriptions({ figures: topicsOf(feed, venue) }, venue)
  })
