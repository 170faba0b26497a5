/**
 * Proves what a fleet promises with real processes and a real Postgres: runners
 * are killed, paused, blocked, cut off and replaced, and a server of feeds in a
 * process of its own judges what it saw. Each scenario goes on with the fleet that
 * the one before left. Where this machine has no Postgres, one test says so.
 */
import { describe, it } from "@effect/vitest"
import { programs } from "../../../cluster/test/support/postgresServer.ts"
import type { Rig, Runner } from "../rig/rig.ts"
import * as Scenarios from "../rig/scenarios.ts"
import { holds, withRig } from "./withRig.ts"

/** A runner as the scenario needs it; there are three again. */
const runner = async (rig: Rig, watchdog?: "thread" | "none"): Promise<Runner> => {
  await rig.buryTheDead()
  await rig.fill(2)
  const special = watchdog === undefined ? undefined : await rig.join({ watchdog })
  await rig.fill(3)
  await rig.settled()
  return special ?? rig.any()
}

if (programs === undefined) {
  const loud = "NO POSTGRES ON THIS MACHINE: no fleet of real processes is tested in this run"
  it(loud, () => console.warn(`*** ${loud}. Install it: apt-get install postgresql ***`))
} else {
  describe("a fleet of three processes", () => {
    withRig({}, (rig) => {
      const scenario = (name: string, run: (rig: Rig) => Promise<Scenarios.Outcome>) =>
        it(name, async () => holds(await run(rig())), 240_000)

      scenario("kill -9: its names open elsewhere", async (rig) => Scenarios.killed(rig, await runner(rig)))
      scenario("paused without a watchdog: two sockets at the server, and the old one is unused", async (rig) =>
        Scenarios.stoppedUnwatched(rig, await runner(rig, "none"))
      )
      scenario("paused for less than a lease: nothing moves", async (rig) =>
        Scenarios.stoppedShortly(rig, await runner(rig))
      )
      scenario("paused for more than a lease: killed before others may claim", async (rig) =>
        Scenarios.stoppedWatched(rig, await runner(rig))
      )
      scenario("the database restarts: no connection closes", async (rig) => {
        await runner(rig)
        return Scenarios.databaseRestarted(rig, 2_000)
      })
      scenario("cut from the database: its sockets close before others open", async (rig) =>
        Scenarios.cutFromDatabase(rig, await runner(rig))
      )
      scenario("SIGTERM: hands over what others ask for", async (rig) => Scenarios.left(rig, [await runner(rig)]))
      scenario("another one joins: takes its share", (rig) => Scenarios.joined(rig, 1))
      scenario("an event loop that is blocked: a thread kills the process", async (rig) =>
        Scenarios.blocked(rig, await runner(rig, "thread"))
      )
      scenario("blue-green deploy: names move about once", async (rig) => {
        await runner(rig)
        return Scenarios.deployed(rig)
      })
      scenario("the database is away for longer than a lease: all close, and all open again", async (rig) => {
        await runner(rig)
        return Scenarios.databaseAway(rig)
      })
    })
  })
}
