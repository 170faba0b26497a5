// Proves that an observer hears of every connection, no matter what makes it, each event in its turn and the end once; that
// what it sees shows tags, origin without a secret, state and figures; and that one that throws harms nobody.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Connection from "../../src/Connection.ts"
import * as ConnectionManager from "../../src/ConnectionManager.ts"
import { ConnectionObserver, make, type Observed } from "../../src/ConnectionObserver.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"

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
      assert.deepStrictEqual(logged.flat(), ["internal failure: TypeError", "session 2 is ready"])
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
