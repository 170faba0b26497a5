// Proves that an observer hears of every connection, no matter what makes it, each event in its turn and the end once; that
// what it sees shows tags, origin without a secret, state, figures and topics; that it can listen later, and until then no
// event is built; that it can steer; that several observe together; and that one that throws harms nobody.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Connection from "../../src/Connection.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import type { ConnectionEvent } from "../../src/ConnectionEvent.ts"
import { ConnectionObserver, layer, make, type Observed, type Observer } from "../../src/ConnectionObserver.ts"
import { Handle } from "../../src/internal/connection/use/handle.ts"
import * as Recorder from "../../src/Recorder.ts"
import * as Subscriptions from "../../src/Subscriptions.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { sharded } from "../subscriptions/shardedRig.ts"
import { options, rig } from "../subscriptions/topicServer.ts"
import { settle } from "../support/passing.ts"

const origin = "wss://feed.example:8443"
const target = `${origin}/path?token=planted`

const recording = () => {
  const observed = new Map<string, Observed>()
  const heard: Array<string> = []
  const observer = (connection: Observed) => {
    observed.set(connection.name, connection)
    heard.push(`${connection.name} ${String(connection.origin)} ${connection.state._tag} ${connection.tags.join()}`)
    return {
      event: (event: { readonly _tag: string }) => void heard.push(`${connection.name} ${event._tag}`),
      ended: () => void heard.push(`${connection.name} ended after ${connection.figures.dials}`)
    }
  }
  return { heard, observed, observer }
}

describe("ConnectionObserver", () => {
  it.effect("hears of every connection until its end", () =>
    Effect.gen(function* () {
      const { heard, observed, observer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      yield* Effect.gen(function* () {
        yield* Connection.make("alone", { target, tags: ["a", "b"] })
        const manager = yield* ConnectionManager.make()
        yield* manager.connect("managed", { target, tags: ["c"] })
        for (const name of ["alone", "managed"]) {
          assert.strictEqual(observed.get(name)?.origin, origin)
          assert.strictEqual(observed.get(name)?.state._tag, "Connected")
        }
        yield* manager.close("managed")
      }).pipe(network.provide, Effect.scoped, Effect.provideService(ConnectionObserver, make(observer)))
      const of = (name: string) => heard.filter((line) => line.startsWith(name))
      assert.deepStrictEqual(of("alone").slice(0, 2), [`alone ${origin} Disconnected a,b`, "alone DialStarted"])
      assert.include(of("alone"), "alone SessionEnded")
      for (const name of ["alone", "managed"]) {
        assert.strictEqual(of(name).at(-1), `${name} ended after 1`)
        assert.lengthOf(
          of(name).filter((line) => line.includes("ended")),
          1
        )
      }
    }).pipe(Effect.scoped)
  )

  it.effect("shows an origin once it is known", () =>
    Effect.gen(function* () {
      const { heard, observed, observer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      yield* Connection.make("late", { target: { url: Effect.succeed(target) } }).pipe(
        network.provide,
        Effect.provideService(ConnectionObserver, make(observer))
      )
      assert.strictEqual(heard[0], "late undefined Disconnected ")
      assert.strictEqual(observed.get("late")?.origin, origin)
    }).pipe(Effect.scoped)
  )

  it.effect("one that throws is logged once, and its connection lives", () =>
    Effect.gen(function* () {
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      const event = () => {
        throw new TypeError("planted")
      }
      const connection = yield* Connection.make("feed", { target }).pipe(
        network.provide,
        Effect.provideService(
          ConnectionObserver,
          make(() => ({ event, ended: event }))
        ),
        Effect.provide(Layer.fresh(Logger.layer([logger])))
      )
      yield* connection.restart()
      assert.deepStrictEqual(logged.flat(), [
        "internal failure: TypeError",
        "restarts as asked (breakFirst): asked for",
        "ready again at attempt 1, as session 2"
      ])
    }).pipe(Effect.scoped)
  )

  it.effect("listens later and as long as it likes; until then no event is built", () =>
    Effect.gen(function* () {
      let observed: Observed | undefined
      const heard: Array<string> = []
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      const connection = yield* Connection.make("feed", { target }).pipe(
        network.provide,
        Effect.provide(
          layer((connection) => {
            observed = connection
            return { ended: () => {} }
          })
        )
      )
      const { events } = Handle.inside(connection).reports
      assert.isFalse(events.active)
      const leave = observed!.listen((event) => void heard.push(event._tag))
      assert.isTrue(events.active)
      yield* connection.restart()
      assert.includeMembers(heard, ["RestartRequested", "SessionEnded", "DialStarted", "GatePassed"])
      leave()
      assert.isFalse(events.active)
      const before = heard.length
      yield* connection.restart()
      assert.lengthOf(heard, before)
    }).pipe(Effect.scoped)
  )

  it.effect("steers what it observes", () =>
    Effect.gen(function* () {
      const { observed, observer } = recording()
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      const connection = yield* Connection.make("feed", { target }).pipe(
        network.provide,
        Effect.provide(layer(observer))
      )
      const { control } = observed.get("feed")!
      yield* control.restart({ reason: "from outside" })
      yield* control.rotate()
      assert.deepInclude(connection.state.getUnsafe(), { _tag: "Connected", epoch: 3 })
      yield* control.close
      assert.deepInclude(connection.state.getUnsafe(), { _tag: "Disconnected", reason: "Closed" })
    }).pipe(Effect.scoped)
  )

  it.effect("layers that are built together observe together, with an observer around them", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const observer =
        (name: string): Observer =>
        ({ name: connection }) => {
          seen.push(`${name} ${connection}`)
          return {
            event: ({ _tag }: ConnectionEvent) => void (_tag === "GatePassed" && seen.push(`${name} ${_tag}`)),
            ended: () => void seen.push(`${name} ended`)
          }
        }
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      yield* Effect.gen(function* () {
        yield* Effect.scoped(Connection.make("feed", { target }))
        const { names, of } = yield* Recorder.Recorder
        assert.deepStrictEqual(yield* names, ["feed"])
        assert.isAbove((yield* Effect.fromOption(yield* of("feed"))).steps?.taken.length ?? 0, 3)
      }).pipe(
        network.provide,
        Effect.provide(Layer.mergeAll(layer(observer("a")), Recorder.layer({ steps: 100 }), layer(observer("b")))),
        Effect.provideService(ConnectionObserver, make(observer("outer")))
      )
      for (const name of ["a", "b", "outer"]) {
        const [first, ...others] = seen.filter((line) => line.startsWith(name))
        assert.deepStrictEqual(first, `${name} feed`)
        assert.deepStrictEqual(others, [`${name} GatePassed`, `${name} GatePassed`, `${name} ended`])
      }
      yield* Effect.scoped(network.provide(Connection.make("later", { target })))
      assert.lengthOf(
        seen.filter((line) => line.includes("later")),
        0
      )
    }).pipe(Effect.scoped)
  )

  it.effect("within others sees what is made there alone, and they see it once", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const observing = (name: string) =>
        layer(({ name: connection }) => {
          seen.push(`${name} ${connection}`)
          return { ended: () => {} }
        })
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      yield* Effect.gen(function* () {
        const made = yield* Effect.context<Scope.Scope>()
        const connect = (name: string) => network.provide(Connection.make(name, { target }))
        yield* Effect.andThen(connect("inner"), Effect.provideContext(connect("beside"), made)).pipe(
          Effect.provide(Layer.mergeAll(observing("b"), observing("c")))
        )
        yield* connect("after")
      }).pipe(Effect.provide(observing("a")))
      assert.deepStrictEqual(seen, ["a inner", "b inner", "c inner", "a beside", "a after"])
    }).pipe(Effect.scoped)
  )

  it.effect("sees topics, of one connection and of a pool's members", () =>
    Effect.gen(function* () {
      const { observed, observer } = recording()
      yield* Effect.gen(function* () {
        const { connection, network } = yield* rig()
        const single = yield* network.provide(Subscriptions.make(connection, options))
        const { confirmed } = yield* single.forward("A", {})
        yield* settle
        yield* confirmed
        yield* single.forward("reject:B", {})
        const { subscriptions } = yield* sharded()
        yield* subscriptions.forward("C", {})
        yield* settle
      }).pipe(Effect.provide(layer(observer)))
      assert.deepInclude(observed.get("feed")?.topics ?? [], { topic: "A", state: "Confirmed" })
      const members = [...observed].filter(([name]) => name.startsWith("md"))
      assert.deepStrictEqual(
        members.flatMap(([, { topics }]) => topics),
        [{ topic: "C", state: "Confirmed" }]
      )
    }).pipe(Effect.scoped)
  )

  it.effect("tags are strings, with a manager and without", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      const tags = "a" as never
      const refused = yield* network.provide(
        Effect.gen(function* () {
          const manager = yield* ConnectionManager.make()
          return [
            yield* Effect.flip(Connection.make("feed", { target, tags })),
            yield* Effect.flip(manager.connect("feed", { target, tags }))
          ]
        })
      )
      for (const error of refused) assert.deepInclude(error, { _tag: "InvalidOptions", path: ["tags"] })
    }).pipe(Effect.scoped)
  )
})
