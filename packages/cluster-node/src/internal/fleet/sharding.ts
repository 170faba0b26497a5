/**
 * Effect Cluster over TCP sockets and Postgres. This file alone knows how it is
 * put together. It stores no messages: the fleet's own are volatile.
 */
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as MessageStorage from "effect/cluster/MessageStorage"
import * as RunnerAddress from "effect/cluster/RunnerAddress"
import * as RunnerHealth from "effect/cluster/RunnerHealth"
import * as Runners from "effect/cluster/Runners"
import * as ShardingConfig from "effect/cluster/ShardingConfig"
import * as SocketRunner from "effect/cluster/SocketRunner"
import * as SqlRunnerStorage from "effect/cluster/SqlRunnerStorage"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { prefix } from "../setup/tables.ts"
import type { Settings } from "./settings.ts"

const addressOf = ({ host, port }: Settings["address"]) => RunnerAddress.RunnerAddress.make({ host, port })

type Config = Partial<ShardingConfig.ShardingConfig["Service"]>

const shared: Config = {
  refreshAssignmentsInterval: Duration.seconds(1),
  // A question is JSON on its way to another process anyway.
  simulateRemoteSerialization: false
}

const configOf = (settings: Settings): Config => {
  const expiry = Duration.toMillis(settings.lockExpiry)
  return {
    ...shared,
    runnerAddress: Option.some(addressOf(settings.address)),
    runnerListenAddress: Option.map(Option.fromUndefinedOr(settings.listen), addressOf),
    shardsPerGroup: settings.shards,
    shardLockExpiration: settings.lockExpiry,
    shardLockRefreshInterval: Duration.millis(expiry / 3),
    runnerHealthCheckInterval: settings.healthEvery,
    runnerJoinDebounce: settings.joinDebounce,
    // Names are entities for the time of a question only.
    maxResidentEntities: "unbounded"
  }
}

const storage = Layer.mergeAll(MessageStorage.layerNoop, SqlRunnerStorage.layerStorage({ prefix }))

export const layerOf = (settings: Settings) => {
  const health = RunnerHealth.layerPing.pipe(
    Layer.provide(Runners.layerRpc),
    Layer.provide(NodeClusterSocket.layerClientProtocol)
  )
  return SocketRunner.layer.pipe(
    Layer.provide([NodeClusterSocket.layerSocketServer, NodeClusterSocket.layerClientProtocol, health]),
    Layer.provide(storage),
    Layer.provide(RpcSerialization.layerSchemaBinary()),
    Layer.provideMerge(ShardingConfig.layer(configOf(settings)))
  )
}

/** It asks the others, and nothing asks it. */
export const clientOf = (shards: number) =>
  SocketRunner.layerClientOnly.pipe(
    Layer.provide([NodeClusterSocket.layerClientProtocol, storage]),
    Layer.provide(RpcSerialization.layerSchemaBinary()),
    Layer.provideMerge(ShardingConfig.layer({ ...shared, runnerAddress: Option.none(), shardsPerGroup: shards }))
  )
