// Proves that nothing a program keeps secret reaches a page, and that names of others stay data: payloads, headers,
// queries, close reasons and the token are planted in connections that fail in many ways, and searched for in every
// frame of a viewer that looks at everything.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { rig } from "./support/rig.ts"

const url = "wss://planted-user:planted-password@feed.example/path?token=planted-token"

const faults: Readonly<Record<string, Fault.Fault>> = {
  "a refused dial": Fault.refuse(),
  "a rejected upgrade": Fault.reject({ status: 401 }),
  "a hanging dial": Fault.hang(),
  "a reset": Fault.reset(),
  "muted pongs": Fault.mutePongs(),
  "a bad certificate": Fault.tlsFailure()
}

describe("no secret is shown", () => {
  for (const [name, fault] of Object.entries(faults)) {
    it.effect(`in ${name}`, () =>
      Effect.gen(function* () {
        const network = yield* TestNetwork.make()
        yield* network.serve(url, (peer) =>
          Effect.andThen(
            peer.send("planted-payload"),
            Effect.andThen(Effect.sleep("1 minute"), peer.close(4001, "planted-reason"))
          )
        )
        const { look, provide } = yield* rig({ commands: true })
        yield* Effect.gen(function* () {
          const { say, seen } = yield* look
          const connection = yield* Connection.make("feed", {
            target: { url, headers: { authorization: "Bearer planted-header" } },
            codec: Codec.text,
            reconnect: Reconnect.prompt,
            startup: "background"
          })
          yield* TestClock.adjust("1 second")
          say({ t: "open", id: 1 })
          say({ t: "budget", on: true })
          yield* TestClock.adjust("90 seconds")
          yield* network.inject(fault)
          yield* Effect.forkChild(Effect.ignore(Connection.track(connection, "planted-message", { ttl: "1 second" })))
          yield* TestClock.adjust("1 minute")
          say({ t: "do", ask: 1, command: "restart", id: 1 })
          yield* TestClock.adjust("1 minute")
          const texts = seen.texts.join("\n")
          assert.notMatch(texts, /planted/)
          assert.match(texts, /"tag":"(ConnectionClosed|ConnectionDropped|PongReceiveTimeout)"/)
          assert.isAbove(seen.all("detail").length, 100)
          assert.isDefined(seen.last("outcome"))
        }).pipe(provide, network.provide)
      })
    )
  }
})

describe("what others wrote", () => {
  it.effect("stays data: a name and a tag of HTML arrive as they are, in JSON, and a reason not at all", () =>
    Effect.gen(function* () {
      const hostile = `</script><img src=x onerror="alert(1)">\u2028\u0000'"`
      const network = yield* TestNetwork.make()
      yield* network.serve("wss://feed.example/", (peer) =>
        Effect.andThen(Effect.sleep("1 second"), peer.close(4000, "<b>why</b>"))
      )
      const { look, provide } = yield* rig()
      yield* Effect.gen(function* () {
        yield* Connection.make(hostile, { target: "wss://feed.example/", tags: [hostile] })
        const { say, seen } = yield* look
        say({ t: "open", id: 1 })
        yield* TestClock.adjust("3 seconds")
        const row = seen.last("detail")?.row
        assert.deepStrictEqual([row?.name, row?.tags], [hostile, [hostile]])
        assert.notInclude(seen.texts.join(""), "<b>why</b>")
      }).pipe(provide, network.provide)
    })
  )
})
