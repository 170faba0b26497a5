/**
 * Proves that a connection can be interrupted at any point of its life (target,
 * dial, opening, backoff, flush, swap, close) and leaves nothing behind: no
 * fiber, no sleep, no socket, no dial; and that closing its scope takes at most
 * the close deadline even if the peer is dead.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type * as Target from "kharbranth/Target"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Transport } from "kharbranth/Transport"
import * as Census from "../simulation/census.ts"
import { clock, now, polite, run, url } from "../support/virtual.ts"

const closeTimeout = 5000

type Texts = Connection.Connection<string, string>
type Settings = Partial<Connection.Options<typeof Codec.text, Target.Input<unknown>, never>>

interface Left {
  readonly fibers: number
  readonly sleeps: number
  readonly links: number
  readonly dials: number
  readonly took: number
}

interface Scenario {
  readonly settings?: Settings | undefined
  readonly before?: ((network: TestNetwork.TestNetwork) => Effect.Effect<void>) | undefined
  /** What the user is doing when the scope closes. */
  readonly user?: ((connection: Texts) => Effect.Effect<unknown, unknown>) | undefined
  readonly after: Duration.Input
  readonly dead?: boolean | undefined
  readonly script?: TestNetwork.Script | undefined
}

const interrupted = (scenario: Scenario): Promise<Left> =>
  run(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10 })
      yield* network.serve(url, scenario.script ?? polite)
      if (scenario.before !== undefined) yield* scenario.before(network)
      const outside = yield* clock
      const census = Census.census(network.clock)
      const life: Effect.Effect<number, unknown, Transport> = Effect.gen(function* () {
        const scope = yield* Scope.make()
        const options = { target: url, codec: Codec.text, closeTimeout, startup: "background" as const }
        const connection = yield* Scope.provide(
          Connection.make("peer", { ...options, ...(scenario.settings as typeof options) }),
          scope
        )
        const user = yield* Effect.forkChild(Effect.exit(scenario.user?.(connection) ?? Effect.void))
        yield* outside.sleep(Duration.fromInputUnsafe(scenario.after))
        if (scenario.dead === true) yield* network.inject(Fault.halfOpen())
        const begun = yield* now
        yield* Scope.close(scope, Exit.void)
        const took = (yield* now) - begun
        // The user is not part of what the scope owns, and every wait of theirs must have ended.
        yield* outside.sleep(Duration.millis(1))
        yield* Fiber.interrupt(user)
        return took
      })
      const took = yield* census.count(network.provide(life)).pipe(Effect.orDie)
      return {
        fibers: census.fibers(),
        sleeps: census.sleeps(),
        links: yield* network.open,
        dials: yield* network.dialing,
        took
      }
    })
  )

const assertNothing = (left: Left, at: string) => {
  const { took, ...rest } = left
  assert.deepStrictEqual(rest, { fibers: 0, sleeps: 0, links: 0, dials: 0 }, `${at}: ${JSON.stringify(rest)}`)
  assert.isAtMost(took, closeTimeout + 1, at)
}

const many = Array.from({ length: 200 }, (_, n) => `${n}:${"x".repeat(4000)}`)

const points: Readonly<Record<string, Scenario>> = {
  "in the target": { settings: { target: { url: Effect.never } }, after: 100 },
  "in the dial": { before: (network) => network.inject(Fault.hang()), after: 100 },
  "in onOpen": { settings: { onOpen: () => Effect.never }, after: 100 },
  "in a backoff": { before: (network) => network.inject(Fault.refuse()), after: 400 },
  "when idle": { after: 60_000 },
  "in a flush": {
    before: (network) => network.inject(Fault.slowReader()),
    user: (connection) => Stream.run(Stream.fromIterable(many), connection.sink),
    after: 1000
  },
  "in a swap": {
    settings: { onOpen: (session) => (session.epoch === 1 ? Effect.void : Effect.never) },
    user: (connection) =>
      Effect.andThen(connection.awaitReady, connection.restart({ mode: "makeFirst", reason: "test" })),
    after: 300
  },
  "in a restart": {
    user: (connection) => Effect.andThen(connection.awaitReady, connection.restart()),
    after: 75
  },
  "in a close": {
    before: (network) => network.inject(Fault.ignoreClose()),
    user: (connection) => Effect.andThen(connection.awaitReady, connection.close),
    after: 500
  },
  "in a drain": {
    user: (connection) =>
      connection.awaitReady.pipe(
        Effect.andThen(Connection.track(connection, "never acknowledged")),
        Effect.andThen(Connection.drain(connection))
      ),
    after: 500
  },
  "while paused": { user: (connection) => Effect.andThen(connection.awaitReady, connection.pause), after: 500 },
  "with a reader": { user: (connection) => Stream.runDrain(connection.stream), after: 500 },
  "with observers": {
    user: (connection) =>
      Effect.all(
        [Stream.runDrain(connection.events), Stream.runDrain(connection.state.changes), Connection.ping(connection)],
        {
          concurrency: "unbounded"
        }
      ),
    after: 500
  }
}

describe("interrupting", () => {
  for (const [where, scenario] of Object.entries(points)) {
    it(`${where} leaves nothing`, async () => {
      assertNothing(await interrupted(scenario), where)
    })
    it(`${where} leaves nothing when the peer is dead`, async () => {
      assertNothing(await interrupted({ ...scenario, dead: true }), where)
    })
  }

  it("at every moment of a dial, a handshake and a swap leaves nothing", async () => {
    const settings: Settings = {
      onOpen: (session) =>
        Effect.andThen(
          session.send("hello"),
          session.receive((text) => text === "re:hello")
        )
    }
    const user = (connection: Texts) =>
      Effect.gen(function* () {
        yield* Effect.forkChild(Effect.flatten(Connection.track(connection, "a")))
        yield* connection.awaitReady
        yield* connection.send("b")
        yield* connection.restart({ mode: "makeFirst", reason: "test" })
        yield* connection.restart({ mode: "breakFirst", reason: "test" })
        yield* connection.close
      })
    for (let after = 0; after < 700; after += 5) {
      for (const dead of [false, true]) {
        assertNothing(await interrupted({ settings, user, after, dead }), `after ${after} ms, dead: ${dead}`)
      }
    }
  })

  it("the fiber that makes the connection ends the dial", async () => {
    const open = await run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ latency: 10 })
        yield* network.serve(url)
        yield* network.inject(Fault.hang())
        const making = yield* Effect.forkChild(
          network.provide(Effect.scoped(Connection.make("peer", { target: url, codec: Codec.text })))
        )
        yield* Effect.sleep("1 second")
        const before = yield* network.dialing
        yield* Fiber.interrupt(making)
        return { before, after: yield* network.dialing, links: yield* network.open }
      })
    )
    assert.deepStrictEqual(open, { before: 1, after: 0, links: 0 })
  })
})
