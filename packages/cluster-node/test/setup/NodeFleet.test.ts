/**
 * Proves that options that cannot work are refused when a process starts, and that
 * one that cannot join the cluster, because its port is taken, says so. The second
 * needs a real Postgres; where this machine has none, a test says so.
 */
import * as Cluster from "@kharbranth/cluster/Cluster"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { createServer } from "node:net"
import * as Postgres from "../../../cluster/test/support/postgres.ts"
import { settingsOf, shardsOf } from "../../src/internal/fleet/settings.ts"
import * as NodeFleet from "../../src/NodeFleet.ts"

const address = { host: "10.0.0.7", port: 34_431 }

describe("options", () => {
  const refused: ReadonlyArray<readonly [NodeFleet.Options, string]> = [
    [{ address: { host: "", port: 1 } }, "address.host is not usable: expected a host name"],
    [{ address: { host: "a", port: 0 } }, "address.port is not usable: expected a port"],
    [{ address, listen: { host: "0.0.0.0", port: 70_000 } }, "listen.port"],
    [{ address, shards: 0 }, "shards is not usable: expected a whole number between 1 and 1600"],
    [{ address, shards: 1_601 }, "shards"],
    [{ address, lockExpiry: "9 seconds" }, "lockExpiry is not usable: expected a duration of at least 12 seconds"],
    [{ address, healthEvery: "10 millis" }, "healthEvery"],
    [{ address, joinDebounce: Infinity }, "joinDebounce"]
  ]
  for (const [options, words] of refused) {
    it(`are refused: ${words}`, () => {
      const settings = settingsOf(options)
      assert.instanceOf(settings, Error)
      assert.include(String(settings), words)
    })
  }

  it("of a client are refused in the same words", () => {
    assert.include(String(shardsOf({ shards: 0 })), "shards is not usable: expected a whole number between 1 and 1600")
  })

  it("have defaults", () => {
    const settings = settingsOf({ address })
    assert.strictEqual(shardsOf({}), 300)
    assert.deepInclude(settings, { shards: 300, listen: undefined })
  })
})

if (Postgres.programs === undefined) {
  const loud = "NO POSTGRES ON THIS MACHINE: it is NOT tested that a taken port is noticed"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install postgresql ***`))
} else {
  it.live(
    "a process whose port is taken fails to join, and says where to look",
    () =>
      Effect.gen(function* () {
        const port = yield* Effect.acquireRelease(
          Effect.callback<readonly [ReturnType<typeof createServer>, number]>((resume) => {
            const server = createServer().listen(0, "127.0.0.1", () => {
              resume(Effect.succeed([server, (server.address() as { readonly port: number }).port]))
            })
          }),
          ([server]) => Effect.sync(() => server.close())
        ).pipe(Effect.map(([, port]) => port))
        const fleet = NodeFleet.layer({ address: { host: "127.0.0.1", port }, watchdog: "none" })
        const error = yield* Effect.flatMap(Cluster.Cluster, ({ join }) => Effect.scoped(join)).pipe(
          Effect.provide(Layer.provide(fleet, Postgres.layer)),
          Effect.flip
        )
        assert.strictEqual(error._tag, "ClusterFailed")
        assert.include(error.message, "Look at its address and port")
      }),
    120_000
  )
}
