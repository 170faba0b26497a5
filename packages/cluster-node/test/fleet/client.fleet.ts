/**
 * Proves with real processes that one which holds no name changes, finds, reads and
 * commands those of others: what it sends reaches the server once, through the name's
 * owner, and what it reads goes on at the next owner behind a `Gap` when the first
 * is killed. Where this machine has no Postgres, `fleet.fleet.ts` says so.
 */
import type { Outcome, Overview, Sent } from "@kharbranth/cluster/Fleet"
import type { Lease } from "@kharbranth/cluster/Lease"
import { assert, describe, it } from "@effect/vitest"
import { setTimeout as sleep } from "node:timers/promises"
import { programs } from "../../../cluster/test/support/postgresServer.ts"
import type { Message } from "../rig/feedKind.ts"
import type { Remote } from "../rig/ipc.ts"
import type { Rig, Runner, SeenEntry } from "../rig/rig.ts"
import { withRig } from "./withRig.ts"

const name = "name-7"

const until = async (
  client: Remote,
  holds: (seen: ReadonlyArray<SeenEntry>) => boolean
): Promise<ReadonlyArray<SeenEntry>> => {
  const end = Date.now() + 120_000
  for (;;) {
    const seen = (await client.ask<ReadonlyArray<SeenEntry>>("seen", name)) ?? []
    if (holds(seen)) return seen
    assert.isBelow(Date.now(), end, `the client saw only ${JSON.stringify(seen.slice(-20))}`)
    await sleep(100)
  }
}

const said = (seen: ReadonlyArray<SeenEntry>): ReadonlyArray<string> =>
  seen.flatMap(({ message }) => (message as Message | undefined)?.said ?? [])

const ownerOf = async (rig: Rig, client: Remote): Promise<Runner> => {
  const lease = await client.ask<Lease>("owner", name)
  for (const runner of rig.runners.values()) {
    if ((await rig.stats(runner))?.holder === lease?.holder) return runner
  }
  throw new Error(`no runner is the holder of ${JSON.stringify(lease)}`)
}

if (programs !== undefined) {
  describe("a process that holds no name", () => {
    withRig({}, (rig) => {
      it("changes, finds, reads and commands the names of others", async () => {
        const fleet = rig()
        await fleet.settled()
        const client = await fleet.client()

        // It sees the whole fleet, and is none of its holders.
        const overview = await client.ask<Overview>("overview")
        assert.deepInclude(overview, { names: fleet.options.names, unowned: [] })
        const holders = await Promise.all(
          [...fleet.runners.values()].map(async (one) => (await fleet.stats(one))!.holder)
        )
        assert.sameMembers(overview?.holders.map(({ holder }) => holder) ?? [], holders)

        // A wish of its own opens at a runner.
        await client.ask("ensure", "extra")
        await fleet.until("the new name is open", ({ open }) => sum(open) === fleet.options.names + 1)
        await client.ask("release", "extra")
        await fleet.until("it is closed", ({ open }) => sum(open) === fleet.options.names)

        // What it sends comes back from the server by way of the owner, once.
        await client.ask("watch", name)
        await until(client, (seen) => seen.some(({ tag }) => tag === "Message"))
        for (const say of ["first", "second", "third"]) {
          const sent = await client.ask<Sent>("send", { name, message: { say } })
          assert.deepStrictEqual(sent, { _tag: "Written" })
        }
        assert.deepStrictEqual(said(await until(client, (seen) => said(seen).length >= 3)), [
          "first",
          "second",
          "third"
        ])
        const outcomes = await client.ask<ReadonlyArray<Outcome>>("probe", [name, "name-8"])
        assert.sameDeepMembers([...(outcomes ?? [])], [name, "name-8"].map((name) => ({ name })) as never)

        // Its owner dies: the reader finds one Gap, and goes on.
        const owner = await ownerOf(fleet, client)
        const seen = await until(client, () => true)
        await fleet.end(owner, "SIGKILL")
        const after = (await until(client, (all) => isOn(all.slice(seen.length)))).slice(seen.length)
        assert.deepStrictEqual(
          after.filter(({ tag }) => tag === "Gap"),
          [{ tag: "Gap", cause: "OwnerLost" }]
        )
        assert.deepStrictEqual(await client.ask<Sent>("send", { name, message: { say: "fourth" } }), {
          _tag: "Written"
        })
        assert.deepStrictEqual(said(await until(client, (all) => said(all).length >= 4)).slice(3), ["fourth"])

        // It leaves no trace.
        await fleet.settled(2)
        await fleet.forget()
        await client.kill()
        await sleep(2_000)
        const { closes, dials } = await fleet.verdict()
        assert.deepStrictEqual({ closes, dials }, { closes: 0, dials: [] })
      })
    })
  })
} else {
  it("needs Postgres", () => console.warn("*** NO POSTGRES ON THIS MACHINE: clients of a fleet are NOT tested ***"))
}

const sum = (open: Readonly<Record<string, number>>): number => Object.values(open).reduce((all, one) => all + one, 0)

/** Messages arrived behind a marker. */
const isOn = (seen: ReadonlyArray<SeenEntry>): boolean => {
  const gap = seen.findIndex(({ tag }) => tag === "Gap")
  return gap >= 0 && seen.slice(gap).some(({ tag }) => tag === "Message")
}
