/**
 * The engine on Effect Cluster. This file and the type in `Cluster.ts` alone know
 * `effect/cluster`, which is tagged unstable: a minor release of Effect may need
 * another version of it.
 *
 * A bucket is a shard. Questions go to an entity with the name's own id, which the
 * cluster runs on the process that has the name's shard. They are volatile: the
 * cluster stores none, and may repeat one whose answer was lost.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Entity from "effect/cluster/Entity"
import * as EntityId from "effect/cluster/EntityId"
import * as ShardId from "effect/cluster/ShardId"
import { Sharding } from "effect/cluster/Sharding"
import { ShardingConfig } from "effect/cluster/ShardingConfig"
import * as Rpc from "effect/rpc/Rpc"
import type { Joined } from "../../Cluster.ts"
import type { Answer, Engine, Question } from "./engine.ts"

const group = "default"

const Name = Entity.make("KharbranthName", [
  Rpc.make("Ask", { payload: { question: Schema.Json }, success: Schema.Json }),
  Rpc.make("Watch", { payload: {}, success: Schema.Json, stream: true })
])

/** How long a question may take, the repeats of the cluster included. */
const deadline = "35 seconds"

// JSON drops what is undefined, which is what both sides read from it.
const plain = (value: unknown): Schema.Json => JSON.parse(JSON.stringify(value)) as Schema.Json

export const make: Effect.Effect<Engine, never, Joined> = Effect.gen(function* () {
  const sharding = yield* Sharding
  const { shardsPerGroup } = yield* ShardingConfig
  const shards = Array.from({ length: shardsPerGroup }, (_, index) => ShardId.make(group, index + 1))
  const buckets = new Map(shards.map((shard) => [ShardId.toString(shard), shard]))
  const clientOf = yield* sharding.makeClient(Name)

  return {
    bucketOf: (name) => ShardId.toString(sharding.getShardId(EntityId.make(name), group)),
    owned: () => {
      const owned = new Set<string>()
      for (const [bucket, shard] of buckets) if (sharding.hasShardId(shard)) owned.add(bucket)
      return owned
    },
    ask: (name, question) =>
      clientOf(name)
        .Ask({ question: plain(question) })
        .pipe(
          Effect.timeout(deadline),
          Effect.map((answers) => answers as unknown as ReadonlyArray<Answer>),
          Effect.catch(() => Effect.undefined)
        ),
    watch: (name) => Stream.catchCause(clientOf(name).Watch({}), () => Stream.empty),
    serve: (answer, show) =>
      sharding.registerEntity(
        Name,
        Effect.succeed(
          Name.of({
            Ask: ({ payload }) => Effect.map(answer(payload.question as unknown as Question), plain),
            Watch: ({ address }) => Stream.map(show(address.entityId), plain)
          })
        ),
        { concurrency: "unbounded", maxIdleTime: "1 minute" }
      )
  } satisfies Engine
})
