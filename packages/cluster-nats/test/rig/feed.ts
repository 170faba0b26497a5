/** The kind of the names, and what a runner is told when it starts. */
import * as FleetBus from "@kharbranth/cluster/FleetBus"
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import type * as NodeFleet from "@kharbranth/cluster-node/NodeFleet"
import * as Schema from "effect/Schema"
import * as Codec from "kharbranth/Codec"

export interface Config {
  readonly fleet: NodeFleet.Options
  readonly database: string
  readonly nats: string
  /** The port of the server of feeds. */
  readonly feed: number
  readonly names: ReadonlyArray<string>
}

export const feedOf = (port: number) =>
  FleetKind.make("feed", {
    params: Schema.Struct({}),
    codec: Codec.json,
    open: (_, { lease, name }) => ({ target: `ws://127.0.0.1:${port}/${name}?holder=${lease.holder}` }),
    consume: FleetBus.publish
  })
