/**
 * The fleet's store in Postgres. A client that can listen also hears what others
 * changed as soon as it is committed; all else is found by looking again.
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import { FleetStore, type News } from "@kharbranth/cluster/FleetStore"
import * as SqlFleetStore from "@kharbranth/cluster/SqlFleetStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type { SqlClient } from "effect/sql/SqlClient"

/** One for the cluster's locks, one to listen, one for statements. */
const fewest = 3
/** How many connections a client's pool has at most; its type does not say that the configuration has it. */
const mostOf = ({ config }: PgClient.PgClient): number =>
  (config as { readonly maxConnections?: number | undefined }).maxConnections ?? 10

/** How long until it listens again after its session was lost. */
const again = "5 seconds"

const newsOf = (client: PgClient.PgClient): News => ({
  listen: (heard) => {
    const hear = ({ payload }: { readonly payload: string }) =>
      Effect.sync(() => {
        const notice = SqlFleetStore.noticeOf(payload)
        if (notice !== undefined) heard(notice)
      })
    const listening = Effect.scoped(
      Effect.flatMap(client.listen(SqlFleetStore.channel), (notices) =>
        // What was said before is not heard; wishes are what may have changed for long.
        Effect.andThen(
          Effect.sync(() => heard({ _tag: "Wishes" })),
          Effect.forever(Effect.flatMap(Queue.take(notices), hear))
        )
      )
    )
    return listening.pipe(
      Effect.tapError((error) => Effect.logDebug("The store's notices are not heard; changes are found later.", error)),
      Effect.ignore,
      Effect.andThen(Effect.sleep(again)),
      Effect.forever,
      Effect.forkScoped,
      Effect.asVoid
    )
  }
})

export const layer: Layer.Layer<FleetStore, never, SqlClient> = Layer.effect(
  FleetStore,
  Effect.gen(function* () {
    const store = yield* SqlFleetStore.make
    const client = Option.getOrUndefined(yield* Effect.serviceOption(PgClient.PgClient))
    const canListen = client !== undefined && mostOf(client) >= fewest
    return canListen ? { ...store, news: newsOf(client) } : store
  })
)
