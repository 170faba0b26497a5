/** An hour of outage in milliseconds: a network in memory and a clock that the test moves. */
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"

const test = Effect.gen(function* () {
  const network = yield* TestNetwork.make({ seed: 7 })
  yield* network.serve("wss://echo.example/", TestNetwork.echo)
  yield* Effect.gen(function* () {
    const connection = yield* Connection.make("echo", {
      target: "wss://echo.example/",
      codec: Codec.text
    })
    const down = Fault.refuse()
    yield* network.inject(down)
    yield* network.inject(Fault.reset())
    yield* TestClock.adjust("1 hour")
    yield* Effect.log("after an hour:", connection.state.getUnsafe()._tag)
    yield* network.lift(down)
    yield* TestClock.adjust("1 minute")
    yield* connection.send("still there")
    yield* Effect.log(yield* connection.receive)
  }).pipe(Effect.scoped, network.provide)
})

await test.pipe(Effect.scoped, Effect.provide(TestClock.layer()), Effect.runPromise)
