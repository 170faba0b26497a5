/**
 * The app of `connection.ts` by hand on Effect's own Socket: reconnect, a text
 * heartbeat, a bounded queue, one stream. It has no deadlines, states, typed
 * errors, bounds in bytes or closing handshake, and says nothing of what is lost.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"

class Ticker extends Context.Service<
  Ticker,
  {
    readonly send: (message: string) => Effect.Effect<void>
    readonly stream: Stream.Stream<string | Uint8Array>
  }
>()("app/Ticker") {
  static readonly layer = Layer.effect(
    Ticker,
    Effect.gen(function* () {
      const inbox = yield* Queue.bounded<string | Uint8Array>(1024)
      const outbox = yield* Queue.bounded<string>(1024)
      const socket = yield* Socket.makeWebSocket("wss://feed.example/ws")
      const session = Effect.gen(function* () {
        const reader = yield* socket.reader
        const writer = yield* socket.writer
        let heard = true
        const read = Effect.forever(
          Effect.flatMap(reader.pull, (frames) => {
            heard = true
            return Queue.offerAll(
              inbox,
              frames.filter((frame) => frame !== "pong")
            )
          })
        )
        const write = Effect.forever(
          Effect.flatMap(Queue.peek(outbox), (message) => Effect.andThen(writer.write(message), Queue.take(outbox)))
        )
        const beat = Effect.forever(
          Effect.gen(function* () {
            yield* Effect.sleep("20 seconds")
            heard = false
            yield* writer.write("ping")
            yield* Effect.sleep("10 seconds")
            if (!heard) return yield* Effect.fail("silent" as const)
          })
        )
        return yield* Effect.raceFirst(Effect.raceFirst(read, write), beat)
      })
      yield* Effect.scoped(session).pipe(
        Effect.retry(Schedule.jittered(Schedule.exponential("1 second"))),
        Effect.forkScoped
      )
      return {
        send: (message: string) => Effect.asVoid(Queue.offer(outbox, message)),
        stream: Stream.fromQueue(inbox)
      }
    })
  ).pipe(Layer.provide(Socket.layerWebSocketConstructorGlobal))
}

const program = Effect.gen(function* () {
  const ticker = yield* Ticker
  yield* ticker.send("hello")
  yield* Stream.runForEach(ticker.stream, (message) => Effect.sync(() => document.body.append(typeof message)))
})

Effect.runFork(program.pipe(Effect.provide(Ticker.layer)))
