// Proves on a real socket that three snapshots of 5 MB, asked for before the
// session is Ready, reach their three subscribers whole and in one session, while
// the heartbeat finds nothing amiss.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as NodeTransport from "../../src/NodeTransport.ts"
import { serve } from "../support/wsServer.ts"

interface FromServer {
  readonly ack?: number
  readonly topic?: string
  readonly levels?: string
}

interface ToServer {
  readonly topics: ReadonlyArray<string>
  readonly id: number
}

const levels = "x".repeat(5_000_000)

describe("large snapshots", () => {
  it.live("three of 5 MB come whole, in one session", () =>
    Effect.gen(function* () {
      const { url } = yield* serve((ws) =>
        ws.on("message", (data: Buffer) => {
          const { id, topics } = JSON.parse(data.toString()) as ToServer
          ws.send(JSON.stringify({ ack: id }))
          for (const topic of topics) ws.send(JSON.stringify({ topic, levels }))
        })
      )
      const connection = yield* Connection.make("feed", {
        target: url,
        codec: Codec.jsonAs<FromServer, ToServer>(),
        startup: "lazy",
        heartbeat: Heartbeat.ping({ every: "100 millis", timeout: "5 seconds" }),
        maxMessageSize: 16 * 1024 * 1024
      })
      const subscriptions = yield* Subscriptions.make(connection, {
        subscribe: (topics: ReadonlyArray<string>, id) => ({ topics, id }),
        match: ({ ack, topic }) => (topic === undefined ? Subscriptions.ack(ack) : Subscriptions.data(topic))
      })
      const held = yield* Effect.forEach(["A", "B", "C"], (topic) => subscriptions.subscribe(topic))
      yield* connection.awaitReady
      const sizes = yield* Effect.forEach(held, ({ stream }) =>
        Stream.runCollect(Stream.map(Stream.take(stream, 1), ({ levels }) => levels?.length))
      )
      assert.deepStrictEqual(sizes.flat(), [5_000_000, 5_000_000, 5_000_000])
      assert.strictEqual((yield* Connection.metrics(connection)).dials, 1)
    }).pipe(Effect.provide(NodeTransport.layer))
  )
})
