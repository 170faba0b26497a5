/**
 * A scripted feed server on a `TestNetwork`: it grants subscriptions in one of
 * the shapes real servers use, numbers what it publishes, and writes down every
 * request it saw.
 */
import * as Effect from "effect/Effect"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Subscriptions from "kharbranth/Subscriptions"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"

export const url = "wss://feed.example/ws"

export interface FromServer {
  readonly topic?: string
  readonly seq?: number
  readonly ack?: number
  readonly acked?: string
  readonly current?: ReadonlyArray<string>
  readonly nack?: ReadonlyArray<string>
  readonly id?: number
  readonly why?: string
  /** What is granted of the request `id`; the rest is refused, unless `failed` says what is. */
  readonly granted?: ReadonlyArray<string>
  readonly failed?: ReadonlyArray<string>
}

export interface ToServer {
  readonly op: "subscribe" | "unsubscribe"
  readonly topics: ReadonlyArray<string>
  readonly id: number
}

export type AckShape = "request" | "each" | "current" | "listed" | "both" | "none" | "never"

export interface Seen extends ToServer {
  readonly at: number
  /** Which socket, numbered by the network. */
  readonly peer: number
  readonly epoch: number
  readonly bytes: number
}

export class TopicServer {
  shape: AckShape = "request"
  /** Topics it refuses. */
  readonly refused = new Set<string>()
  /** Topics it grants and then forgets. */
  readonly mute = new Set<string>()
  /** Topics at which it resets the socket without a word. */
  readonly deadly = new Set<string>()
  /** How many sockets it has reset because of them. */
  killed = 0
  /** How many of the next requests it answers with a reset, whatever they name. */
  resets = 0
  /** How many sockets there have been. */
  sockets = 0
  readonly seen: Array<Seen> = []
  /** Requests for what the socket had already. */
  readonly doubled: Array<string> = []
  readonly granted = new Map<number, Set<string>>()
  readonly peers = new Map<number, TestNetwork.Peer>()
  private readonly numbers = new Map<string, number>()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  readonly script = (peer: TestNetwork.Peer): Effect.Effect<void> => {
    this.sockets++
    this.peers.set(peer.id, peer)
    this.granted.set(peer.id, new Set())
    return peer.listen({
      frame: (frame) => this.hear(peer, String(frame)),
      ended: () => {
        this.peers.delete(peer.id)
        this.granted.delete(peer.id)
      }
    })
  }

  /** Publishes the next number of a topic to everybody who has it. */
  publish(topic: string): void {
    const seq = (this.numbers.get(topic) ?? 0) + 1
    this.numbers.set(topic, seq)
    if (this.mute.has(topic)) return
    for (const [id, topics] of this.granted) {
      if (topics.has(topic)) this.say(id, { topic, seq })
    }
  }

  say(peer: number, message: FromServer): void {
    this.peers.get(peer)?.sendUnsafe([JSON.stringify(message)])
  }

  /** What the newest socket has. */
  get held(): ReadonlyArray<string> {
    return [...([...this.granted.values()].at(-1) ?? [])].toSorted()
  }

  private hear(peer: TestNetwork.Peer, text: string): void {
    const request = JSON.parse(text) as ToServer
    this.seen.push({
      ...request,
      at: this.now(),
      peer: peer.id,
      epoch: peer.request.epoch,
      bytes: new TextEncoder().encode(text).length
    })
    if (this.isDeadly(request)) return void Effect.runFork(peer.reset)
    const held = this.granted.get(peer.id) ?? new Set()
    for (const topic of request.topics) {
      if (request.op === "unsubscribe") held.delete(topic)
      else if (held.has(topic)) this.doubled.push(topic)
      else if (!this.refused.has(topic)) held.add(topic)
    }
    this.answer(peer.id, request, held)
  }

  private isDeadly({ op, topics }: ToServer): boolean {
    if (this.resets > 0) {
      this.resets--
      return true
    }
    const isDeadly = op === "subscribe" && topics.some((topic) => this.deadly.has(topic))
    if (isDeadly) this.killed++
    return isDeadly
  }

  private answer(peer: number, { id, op, topics }: ToServer, held: ReadonlySet<string>): void {
    const nack = op === "subscribe" ? topics.filter((topic) => this.refused.has(topic)) : []
    const granted = topics.filter((topic) => !nack.includes(topic))
    if (this.shape === "listed") return this.say(peer, { id, granted, why: "not in the list" })
    if (this.shape === "both") return this.say(peer, { id, granted, failed: nack, why: "in the other list" })
    if (nack.length > 0 && this.shape !== "never") this.say(peer, { nack, id, why: "no such topic" })
    if (granted.length === 0) return
    if (this.shape === "request") this.say(peer, { ack: id })
    if (this.shape === "each") for (const acked of granted) this.say(peer, { acked })
    if (this.shape === "current") this.say(peer, { current: [...held] })
  }
}

export const match = (message: FromServer): Subscriptions.Match | undefined => {
  if (message.topic !== undefined) return Subscriptions.data(message.topic)
  if (message.ack !== undefined) return Subscriptions.ack(message.ack)
  if (message.acked !== undefined) return Subscriptions.ack(undefined, message.acked)
  if (message.current !== undefined) return Subscriptions.current(message.current)
  if (message.granted !== undefined) {
    return Subscriptions.answer({
      id: message.id,
      granted: message.granted,
      refused: message.failed,
      reason: message.why
    })
  }
  if (message.nack !== undefined) {
    return Subscriptions.nack({ id: message.id, topics: message.nack, reason: message.why })
  }
  return undefined
}

export const options: Subscriptions.Options<string, FromServer, ToServer> = {
  subscribe: (topics, id) => ({ op: "subscribe", topics, id }),
  unsubscribe: (topics, id) => ({ op: "unsubscribe", topics, id }),
  match
}

/** A network with the server, and a connection to it. */
export const rig = (options: { readonly network?: TestNetwork.Options } = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make(options.network)
    const server = new TopicServer(() => network.clock.currentTimeMillisUnsafe())
    yield* network.serve(url, server.script)
    const connection = yield* network.provide(
      Connection.make("feed", {
        target: url,
        codec: Codec.jsonAs<FromServer, ToServer>(),
        startup: "background",
        reconnect: Reconnect.prompt
      })
    )
    yield* settle
    return { network, server, connection }
  })
