/**
 * Proves that waiting for an answer behind data that nobody reads does not
 * deadlock: not in an opening, not in the only reader, not for a tracked message.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { now, polite, run, url } from "../support/virtual.ts"

const megabytes = (count: number): ReadonlyArray<string> => Array.from({ length: count * 16 }, () => "x".repeat(65_536))

describe("no deadlock", () => {
  const flooding = (peer: TestNetwork.Peer) =>
    peer.listen({
      frame: (frame) => void peer.sendUnsafe([...megabytes(10), `re:${String(frame)}`])
    })

  it("startup and an onOpen that waits behind 10 MB of data that nobody reads", async () => {
    const took = await run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ latency: 10 })
        yield* network.serve(url, flooding)
        yield* Connection.make("peer", {
          target: url,
          codec: Codec.text,
          onOpen: (session) =>
            Effect.andThen(
              session.send("hello"),
              session.receive((text) => text === "re:hello")
            )
        }).pipe(network.provide)
        return yield* now
      })
    )
    assert.isBelow(took, 10_000)
  })

  // Asks the server about each short message from within the reader; a tap claims the answers.
  const asking = (first: ReadonlyArray<string>, count: number) =>
    run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ latency: 10 })
        yield* network.serve(url, (peer) =>
          Effect.andThen(
            polite(peer),
            Effect.sync(() => peer.sendUnsafe(first))
          )
        )
        return yield* Effect.gen(function* () {
          const connection = yield* Connection.make("peer", {
            target: url,
            codec: Codec.text,
            inbox: { overflow: "dropOldest" }
          })
          const waiting = new Map<string, Deferred.Deferred<string>>()
          yield* connection.tap({
            claim: (text) => {
              const waiter = waiting.get(text)
              if (waiter === undefined) return false
              Deferred.doneUnsafe(waiter, Effect.succeed(text))
              return true
            }
          })
          const request = (text: string) =>
            Effect.gen(function* () {
              const answer = yield* Deferred.make<string>()
              waiting.set(`re:${text}`, answer)
              yield* connection.send(text)
              return yield* Deferred.await(answer)
            })
          return yield* connection.stream.pipe(
            Stream.filter((text) => text.length === 1),
            Stream.take(count),
            Stream.mapEffect(request),
            Stream.runCollect
          )
        }).pipe(network.provide)
      })
    )

  it("a request that is awaited inside the only reader", async () => {
    assert.deepStrictEqual([...(await asking(["1", "2", "3"], 3))], ["re:1", "re:2", "re:3"])
  })

  it("a request that is awaited inside the only reader, behind more than the inbox holds", async () => {
    assert.deepStrictEqual([...(await asking(["1", ...megabytes(1)], 1))], ["re:1"])
  })

  it("an acknowledgement behind data that nobody reads", async () => {
    const delivery = await run(
      Effect.gen(function* () {
        const network = yield* TestNetwork.make({ latency: 10 })
        yield* network.serve(url, flooding)
        return yield* Effect.gen(function* () {
          const connection = yield* Connection.make("peer", {
            target: url,
            codec: Codec.text,
            inbox: { overflow: "dropOldest" },
            outbox: {
              acks: { id: (text) => text, match: (text) => (text.startsWith("re:") ? text.slice(3) : undefined) }
            }
          })
          return yield* Effect.flatten(Connection.track(connection, "order", { ttl: "Infinity" }))
        }).pipe(network.provide)
      })
    )
    assert.deepStrictEqual(delivery, { _tag: "Confirmed", by: "ack" })
  })
})
