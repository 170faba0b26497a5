/**
 * Proves what the log says: a table of histories with the lines of each, one
 * line for each fact, with the connection's name, the attempt, the delay and the
 * cause; and what a start that takes long is waiting for, in lines that grow
 * rarer and end with the wait.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as TestServer from "kharbranth/testing/TestServer"
import { pass } from "../support/passing.ts"

const url = "wss://feed.example/ws"

interface Options {
  readonly startup?: "background"
  readonly startupTimeout?: "60 seconds"
  readonly dialTimeout?: "9 seconds"
  readonly rotate?: { readonly maxAge: "30 seconds" }
  readonly onOpen?: () => Effect.Effect<never>
}
type Feed = Connection.Connection<unknown, never>

/** Waits of exactly 2, 4, 8, … seconds. */
const exact = { base: "2 seconds", cap: "1 minute", jitter: 0 } as const

/** A server that gives these answers in turn, and then accepts. */
const rig = (answers: ReadonlyArray<TestServer.Answer>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ seed: 1 })
    const left = [...answers]
    const answer = () => Effect.sync(() => left.shift() ?? TestServer.accept())
    return { network, server: yield* network.serve(url, undefined, { answer }) }
  })

interface History {
  readonly name: string
  readonly answers?: ReadonlyArray<TestServer.Answer>
  readonly reconnect?: Reconnect.Reconnect
  readonly options?: Options
  readonly then?: (feed: Feed, server: TestServer.Server) => Effect.Effect<unknown, unknown>
  readonly lines: ReadonlyArray<string>
}

const refuse = TestServer.refuse()
const refused = `Connection "feed": could not reach ${url}: nothing listens there (ECONNREFUSED).`
const reset = (server: TestServer.Server): Effect.Effect<void> =>
  Effect.flatMap(server.connections, (peers) => peers.at(-1)!.reset)
const cut = (epoch: number) => `Connection "feed": session ${epoch} was cut without a close frame (ECONNRESET).`

const histories: ReadonlyArray<History> = [
  { name: "a start at once says nothing", lines: [] },
  {
    name: "no session is lost while none was Ready",
    answers: [refuse, refuse],
    lines: [
      `Warn attempt 1 failed, attempt 2 follows in 2.0s: ${refused}`,
      `Warn attempt 2 failed, attempt 3 follows in 4.0s: ${refused}`,
      `Info not ready after 5s: attempt 3 follows in 1.0s. Last error: ${refused}`,
      "Info ready at attempt 3, as session 3"
    ]
  },
  {
    name: "a session is lost, a dial fails, and it is ready again",
    answers: [TestServer.accept(), refuse],
    then: (_, server) => Effect.andThen(pass(11_000, 500), reset(server)),
    lines: [
      `Warn session 1 is lost, attempt 1 follows in 2.0s: ${cut(1)}`,
      `Warn attempt 1 failed, attempt 2 follows in 4.0s: ${refused}`,
      "Info ready again at attempt 2, as session 3"
    ]
  },
  {
    name: "a restart shows its reason",
    then: (feed) => feed.restart({ reason: "new credentials" }),
    lines: ["Info restarts as asked (breakFirst): new credentials", "Info ready again at attempt 1, as session 2"]
  },
  {
    name: "a restart beside the session is a line for the wish and one for the swap",
    then: (feed) => feed.restart({ reason: "a deploy", mode: "makeFirst" }),
    lines: ["Info restarts as asked (makeFirst): a deploy", "Info session 2 took over from 1"]
  },
  {
    name: "a successor that fails leaves the session",
    answers: [TestServer.accept(), refuse],
    then: (feed) => Effect.exit(feed.restart({ reason: "a deploy", mode: "makeFirst" })),
    lines: ["Info restarts as asked (makeFirst): a deploy", `Warn successor 2 failed, session 1 stays: ${refused}`]
  },
  {
    name: "a rotation is one line",
    options: { rotate: { maxAge: "30 seconds" } },
    lines: ["Info session 2 took over from 1"]
  },
  {
    name: "giving up is an error, with the number of attempts",
    reconnect: Reconnect.exponential({ ...exact, maxAttempts: 2 }),
    answers: [TestServer.accept(), refuse, refuse, refuse],
    then: (_, server) => Effect.andThen(pass(11_000, 500), reset(server)),
    lines: [
      `Warn session 1 is lost, attempt 1 follows in 2.0s: ${cut(1)}`,
      `Warn attempt 1 failed, attempt 2 follows in 4.0s: ${refused}`,
      `Error gave up: Connection "feed": gave up after 2 attempts. Last error: ${refused}`
    ]
  }
]

/** Runs with a log that is kept: level, text and annotations. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>, lines: Array<string>, names: Set<unknown>) => {
  const logger = Logger.make<unknown, void>(({ fiber, logLevel, message }) => {
    names.add(fiber.getRef(References.CurrentLogAnnotations)["connection"])
    lines.push(`${logLevel} ${String(message)}`)
  })
  return Effect.provide(effect, Logger.layer([logger]))
}

const play = ({ answers = [], options, reconnect = Reconnect.exponential(exact), then }: History) =>
  Effect.gen(function* () {
    const { network, server } = yield* rig(answers)
    const made = yield* Effect.forkScoped(
      network.provide(Connection.make("feed", { target: url, reconnect, ...options }))
    )
    yield* pass(10_000, 500)
    const feed = yield* Fiber.join(made)
    if (then !== undefined) yield* Effect.forkScoped(then(feed, server))
    yield* pass(40_000, 500)
  })

describe("the log", () => {
  for (const history of histories) {
    it.effect(history.name, () =>
      Effect.gen(function* () {
        const lines: Array<string> = []
        const names = new Set<unknown>()
        yield* logged(play(history), lines, names)
        assert.deepStrictEqual(lines, history.lines)
        assert.deepStrictEqual([...names], history.lines.length === 0 ? [] : ["feed"])
      })
    )
  }
})

describe("a start that takes long", () => {
  const startOf = (answers: ReadonlyArray<TestServer.Answer>, options: Options, millis: number) =>
    Effect.gen(function* () {
      const lines: Array<string> = []
      const start = Effect.gen(function* () {
        const { network } = yield* rig(answers)
        const make = Connection.make("feed", { target: url, reconnect: Reconnect.exponential(exact), ...options })
        yield* Effect.forkScoped(Effect.ignore(network.provide(make)))
        yield* pass(millis, 500)
      })
      yield* logged(start, lines, new Set())
      return lines.filter((line) => line.includes("not ready"))
    })

  it.effect("says at growing distance what it waits for, and nothing once it is over", () =>
    Effect.gen(function* () {
      const lines = yield* startOf(
        Array.from({ length: 9 }, () => TestServer.hang),
        { dialTimeout: "9 seconds", startupTimeout: "60 seconds" },
        120_000
      )
      const timedOut = /Last error: Connection "feed": no open socket after 9s/
      assert.lengthOf(lines, 3, lines.join("\n"))
      assert.strictEqual(lines[0], "Info not ready after 5s: attempt 1 is in phase http.")
      assert.match(lines[1]!, /^Info not ready after 15s: attempt 2 is in phase http\. /)
      assert.match(lines[2]!, /^Info not ready after 35s: attempt 4 follows in 6\.0s\. /)
      for (const line of lines.slice(1)) assert.match(line, timedOut)
    })
  )

  it.effect("says when the next dial is, or that `onOpen` takes long", () =>
    Effect.gen(function* () {
      const waiting = yield* startOf([refuse, refuse, refuse, refuse], {}, 7_000)
      assert.deepStrictEqual(waiting, [`Info not ready after 5s: attempt 3 follows in 1.0s. Last error: ${refused}`])
      const opening = yield* startOf([], { onOpen: () => Effect.never }, 7_000)
      assert.deepStrictEqual(opening, ["Info not ready after 5s: attempt 1 is in phase open."])
    })
  )

  it.effect("that is over in time, or is not waited for, says nothing", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* startOf([refuse], {}, 30_000), [])
      assert.deepStrictEqual(yield* startOf([TestServer.hang], { startup: "background" }, 30_000), [])
    })
  )
})
