// Proves on real sockets that 500 topics over five connections, at most 100 on
// each, survive a socket that is cut and a connection that is closed: the server
// never grants one socket more than it may carry nor a topic twice, every topic
// flows again, and those that were interrupted show one Gap, the others none.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as ConnectionPool from "kharbranth/ConnectionPool"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import type { WebSocket } from "ws"
import * as NodeTransport from "../../src/NodeTransport.ts"
import { serve } from "../support/wsServer.ts"

interface FromServer {
  readonly ack?: number
  readonly topic?: string
  readonly round?: number
}

interface ToServer {
  readonly op: "subscribe" | "unsubscribe"
  readonly topics: ReadonlyArray<string>
  readonly id: number
}

const cap = 100
const topics = Array.from({ length: 500 }, (_, index) => `T${index}`)

/** What each open socket has been granted. */
class Granted extends Map<WebSocket, Set<string>> {
  most = 0
  doubled = 0

  readonly accept = (ws: WebSocket): void => {
    const own = new Set<string>()
    this.set(ws, own)
    ws.on("close", () => this.delete(ws))
    ws.on("message", (data: Buffer) => {
      const { id, op, topics } = JSON.parse(data.toString()) as ToServer
      for (const topic of topics) {
        if (op === "unsubscribe") own.delete(topic)
        else if (own.has(topic)) this.doubled++
        else own.add(topic)
      }
      this.most = Math.max(this.most, own.size)
      ws.send(JSON.stringify({ ack: id }))
    })
  }

  publish(round: number): void {
    for (const [ws, own] of this) for (const topic of own) ws.send(JSON.stringify({ topic, round }))
  }
}

describe("subscriptions on a pool", () => {
  it.live("go on when a socket is cut and when a connection is closed", () =>
    Effect.gen(function* () {
      const granted = new Granted()
      const server = yield* serve(granted.accept)
      const manager = yield* ConnectionManager.make().pipe(Effect.provide(NodeTransport.layerWith({ proxy: false })))
      const pool = yield* ConnectionPool.shards(manager, "md", {
        member: () => ({
          target: server.url,
          codec: Codec.jsonAs<FromServer, ToServer>(),
          reconnect: Reconnect.prompt
        }),
        max: 5,
        maxCount: cap
      })
      const subscriptions = yield* Subscriptions.sharded(pool, {
        subscribe: (topics: ReadonlyArray<string>, id): ToServer => ({ op: "subscribe", topics, id }),
        unsubscribe: (topics, id): ToServer => ({ op: "unsubscribe", topics, id }),
        match: ({ ack, topic }: FromServer) =>
          topic === undefined ? Subscriptions.ack(ack) : Subscriptions.data(topic)
      })
      const held = yield* Effect.forEach(topics, (topic) => subscriptions.subscribe(topic))
      const confirmed = Effect.forEach(held, (one) => one.confirmed, { discard: true })
      yield* confirmed
      assert.deepStrictEqual(
        [...granted.values()].map(({ size }) => size),
        [cap, cap, cap, cap, cap]
      )
      granted.publish(1)
      for (const { stream } of held) yield* Stream.runHead(stream)
      // The topics of these members, as the pool has placed them.
      const carried = (name: string) => new Set(topics.filter((topic) => pool.find(topic)?.name === name))
      const [cut, closed] = [carried("md/1"), carried("md/3")]
      const shaken = new Set([...cut, ...closed])
      /** Until the topics of these have been lost. */
      const lost = (some: ReadonlySet<string>) =>
        Effect.forEach(
          held.filter(({ topic }) => some.has(topic)),
          ({ state }) => Stream.runHead(Stream.filter(state.changes, ({ _tag }) => _tag === "Waiting")),
          { concurrency: "unbounded", discard: true }
        )
      const events = Effect.sync(() => {
        for (const [ws, own] of granted) if (own.has([...cut][0]!)) ws.terminate()
      })
      yield* Effect.all([lost(shaken), events, manager.close("md/3")], { concurrency: "unbounded" })
      yield* confirmed
      granted.publish(2)
      for (const { entries, topic } of held) {
        const seen = yield* entries.pipe(
          Stream.map((entry) => (entry._tag === "Message" ? `${entry.message.round}` : entry._tag)),
          Stream.takeUntil((entry) => entry === "2"),
          Stream.runCollect
        )
        assert.deepStrictEqual(seen, shaken.has(topic) ? ["Gap", "2"] : ["2"], topic)
      }
      assert.deepStrictEqual([granted.most, granted.doubled, shaken.size], [cap, 0, 2 * cap])
    }).pipe(Effect.scoped)
  )
})
