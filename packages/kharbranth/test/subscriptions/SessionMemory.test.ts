/**
 * Proves `memory` against a server that names topics only by the numbers it gave
 * them in that session: each session has a memory of its own, also while two
 * overlap and give the same number to different topics; an unsubscribe is made
 * with the memory of the session it goes to; and nothing is kept of a session
 * that is over.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { SessionMemories } from "../../src/internal/subscriptions/asking/requester.ts"
import { collect } from "./topicNews.ts"
import { url } from "./topicServer.ts"
import { closed, pass, settle } from "../support/passing.ts"

type FromServer =
  | { readonly subscribed: string; readonly channel: number }
  | { readonly unsubscribed: number }
  | { readonly channel: number; readonly seq: number }

type ToServer = { readonly subscribe: string } | { readonly unsubscribe: number | undefined }

/** Gives its channels new numbers in each session, in another order each time. */
class ChannelServer {
  readonly sessions: Array<{ readonly peer: TestNetwork.Peer; readonly channels: Map<number, string> }> = []
  readonly released: Array<string> = []

  readonly script = (peer: TestNetwork.Peer): Effect.Effect<void> => {
    const session = { peer, channels: new Map<number, string>() }
    const odd = this.sessions.push(session) % 2 === 1
    return peer.listen({
      frame: (frame) => {
        const request = JSON.parse(String(frame)) as ToServer
        if ("subscribe" in request) {
          const channel = (request.subscribe === "A") === odd ? 1 : 2
          session.channels.set(channel, request.subscribe)
          this.say(session, { subscribed: request.subscribe, channel })
        } else if (request.unsubscribe !== undefined) {
          this.released.push(`${peer.request.epoch} ${session.channels.get(request.unsubscribe)}`)
          session.channels.delete(request.unsubscribe)
          this.say(session, { unsubscribed: request.unsubscribe })
        }
      },
      ended: () => session.channels.clear()
    })
  }

  publish(topic: string, seq: number): void {
    for (const session of this.sessions) {
      for (const [channel, named] of session.channels) if (named === topic) this.say(session, { channel, seq })
    }
  }

  private say({ peer }: { readonly peer: TestNetwork.Peer }, message: FromServer): void {
    peer.sendUnsafe([JSON.stringify(message)])
  }
}

interface Channels {
  readonly topics: Map<number, string>
  readonly channels: Map<string, number>
}

/** Fills the memory from answers, and reads data by it. */
const match = (message: FromServer, { channels, topics }: Channels): Subscriptions.Match | undefined => {
  if ("subscribed" in message) {
    topics.set(message.channel, message.subscribed)
    channels.set(message.subscribed, message.channel)
    return Subscriptions.ack(undefined, message.subscribed)
  }
  const topic = topics.get("unsubscribed" in message ? message.unsubscribed : message.channel)
  if (topic === undefined) return undefined
  return "unsubscribed" in message ? Subscriptions.ack(undefined, topic) : Subscriptions.data(topic)
}

const made = Effect.gen(function* () {
  const network = yield* TestNetwork.make({ latency: 20 })
  const server = new ChannelServer()
  yield* network.serve(url, server.script)
  const connection = yield* network.provide(
    Connection.make("feed", {
      target: url,
      codec: Codec.jsonAs<FromServer, ToServer>(),
      startup: "background",
      reconnect: Reconnect.prompt
    })
  )
  let memories = 0
  let claim = (_message: FromServer, _epoch: number): boolean => false
  // The connection itself, whose tap can also be asked by the test.
  const observed: Subscriptions.Carrier<FromServer, ToServer> = {
    name: connection.name,
    state: connection.state,
    send: (message, options) => connection.send(message, options),
    restart: (options) => connection.restart(options),
    tap: (tap) => {
      claim = tap.claim
      return connection.tap(tap)
    }
  }
  const subscriptions = yield* network.provide(
    Subscriptions.make(observed, {
      memory: (): Channels => {
        memories++
        return { topics: new Map(), channels: new Map() }
      },
      subscribe: ([topic = ""]: ReadonlyArray<string>): ToServer => ({ subscribe: topic }),
      unsubscribe: ([topic = ""], _id, { channels }) => ({ unsubscribe: channels.get(topic) }),
      batch: { items: 1 },
      match,
      dedupe: (message) => ("seq" in message ? message.seq : undefined)
    })
  )
  yield* pass(500)
  /** How many memories are made for a late message of a session. */
  const madeFor = (epoch: number): number => {
    const before = memories
    claim({ channel: 9, seq: 9 }, epoch)
    return memories - before
  }
  return { connection, madeFor, network, server, subscriptions }
})

const numbers = (items: ReadonlyArray<FromServer>) => items.map((message) => ("seq" in message ? message.seq : -1))

describe("what is remembered of a session", () => {
  it.effect("is its own, through a loss and an overlap, and goes with what is written to it", () =>
    Effect.gen(function* () {
      const { connection, madeFor, network, server, subscriptions } = yield* made
      const scope = yield* Scope.make()
      const a = yield* Scope.provide(subscriptions.subscribe("A"), scope)
      const readers = [yield* collect(a.stream), yield* collect(subscriptions.stream("B"))]
      yield* pass(500)
      let seq = 0
      const publish = Effect.sync(() => {
        seq++
        server.publish("A", seq)
        server.publish("B", 1000 + seq)
      })
      yield* publish
      yield* pass(200)
      yield* network.inject(Fault.reset())
      yield* pass(3000)
      yield* publish
      yield* pass(200)
      // Both sessions deliver while the rotation overlaps, each by its own numbers.
      const rotation = yield* Effect.forkScoped(connection.restart({ mode: "makeFirst" }))
      for (let turn = 0; turn < 100; turn++) {
        yield* publish
        yield* pass(10, 5)
      }
      yield* Fiber.join(rotation)
      yield* pass(1000)
      const from = (first: number) => Array.from({ length: seq }, (_, index) => first + index)
      assert.deepStrictEqual(
        readers.map(({ items }) => numbers(items)),
        [from(1), from(1001)]
      )
      assert.isAbove((yield* subscriptions.figures).duplicates, 0)
      yield* Scope.close(scope, Exit.void)
      yield* pass(500)
      assert.deepStrictEqual(server.released, ["3 A"])
      assert.strictEqual(a.state.getUnsafe()._tag, "Released")
      yield* publish
      yield* pass(200)
      assert.strictEqual((yield* subscriptions.figures).stray, 0)
      // Nothing is left of the sessions that are over.
      assert.deepStrictEqual([madeFor(1), madeFor(2), madeFor(3)], [1, 1, 0])
      yield* closed(connection)
    })
  )

  it.effect("a function that throws refuses the topics, and leaves messages to the reader", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(url, (peer) => {
        peer.sendUnsafe([`{"channel":1}`])
        return peer.listen({ frame: () => {} })
      })
      const connection = yield* network.provide(
        Connection.make("feed", { target: url, codec: Codec.jsonAs<{ readonly channel: number }, unknown>() })
      )
      const subscriptions = yield* network.provide(
        Subscriptions.make(connection, {
          memory: (): Map<number, string> => {
            throw new Error("no")
          },
          subscribe: (topics: ReadonlyArray<string>) => topics,
          match: ({ channel }, memory) => Subscriptions.data(memory.get(channel) ?? "")
        })
      )
      const held = yield* subscriptions.subscribe("A")
      yield* settle
      assert.include((yield* Effect.flip(held.confirmed)).reason, "threw")
      assert.deepStrictEqual(yield* connection.receive, { channel: 1 })
    })
  )

  it("is made once a session, and is gone with it", () => {
    let made = 0
    const memories = new SessionMemories(() => ({ made: ++made }))
    assert.deepStrictEqual([memories.of(1), memories.of(2), memories.of(1)], [{ made: 1 }, { made: 2 }, { made: 1 }])
    memories.forget(1)
    assert.deepStrictEqual(memories.of(1), { made: 3 })
    assert.isUndefined(new SessionMemories(undefined).of(1))
  })
})
