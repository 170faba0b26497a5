/**
 * A venue in a process of its own that sends as much as it is told to: trades and
 * books of any symbol in Bybit's dialect, each topic in its turn, with numbers that
 * follow each other. Update `u` of a book sets level `u % levels` of both sides to
 * the size `u`, so the number alone says what the book is. What a socket does not
 * take is sent later.
 */
import type { AddressInfo, Socket } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"

/** What the process is told: how many frames a second, and when to stop. */
export type Order = { readonly _tag: "Start"; readonly rate: number } | { readonly _tag: "Stop" }

/** What it says: where it listens, ten times a second how much it has sent, and in the end to what number. */
export type Word =
  | { readonly _tag: "Listening"; readonly port: number }
  | { readonly _tag: "Sent"; readonly frames: number; readonly millis: number }
  | {
      readonly _tag: "Stopped"
      readonly frames: number
      readonly millis: number
      /** The last number of each topic. */
      readonly last: Readonly<Record<string, number>>
    }

export const levels = 20

interface Topic {
  readonly key: string
  readonly symbol: string
  readonly ws: WebSocket
  last: number
}

/** A socket with more than this unsent gets nothing more for now. */
const unsentAtMost = 4 * 1024 * 1024

/** Frames of one turn, so that the sockets are read as well. */
const framesAtOnce = 4_000

/** Longer than any frame of a topic, its header included. */
const longestFrame = 320

const topics = new Map<string, Topic>()
const sockets = new Map<WebSocket, Socket>()

const say = (word: Word): void => void process.send?.(word)

const sideText = (price: (level: number) => number, size: (level: number) => number): string =>
  `[${Array.from({ length: levels }, (_, level) => `["${price(level)}","${size(level)}"]`).join(",")}]`

const bid = (level: number): number => 1000 - level
const ask = (level: number): number => 1001 + level

const snapshot = ({ key, symbol }: Topic): string => {
  const [bids, asks] = [bid, ask].map((price) => sideText(price, () => 1))
  return `{"topic":"${key}","type":"snapshot","ts":0,"data":{"s":"${symbol}","b":${bids},"a":${asks},"u":100,"seq":100}}`
}

const nextOf = (topic: Topic): string => {
  const { key, symbol } = topic
  const number = ++topic.last
  if (key.startsWith("publicTrade"))
    return `{"topic":"${key}","type":"snapshot","ts":1700000000000,"data":[{"T":1700000000000,"s":"${symbol}","S":"Buy","v":"0.5","p":"1000.5","L":"PlusTick","i":"${number}","BT":false}]}`
  const level = number % levels
  return `{"topic":"${key}","type":"delta","ts":1700000000000,"data":{"s":"${symbol}","b":[["${bid(level)}","${number}"]],"a":[["${ask(level)}","${number}"]],"u":${number},"seq":${number}}}`
}

/** Whole frames of one turn and socket, in one piece: that is one write, not thousands. */
class Outgoing {
  private readonly bytes = Buffer.allocUnsafeSlow(framesAtOnce * longestFrame)
  private length = 0

  add(text: string): void {
    const { bytes } = this
    const size = text.length
    bytes[this.length++] = 0x81
    if (size < 126) bytes[this.length++] = size
    else {
      bytes[this.length++] = 126
      this.length = bytes.writeUInt16BE(size, this.length)
    }
    this.length += bytes.write(text, this.length, "latin1")
  }

  flush(socket: Socket): void {
    if (this.length > 0) socket.write(Buffer.from(this.bytes.subarray(0, this.length)))
    this.length = 0
  }
}

const hear = (ws: WebSocket, text: string): void => {
  const { args = [], op, req_id } = JSON.parse(text) as { op: string; args?: ReadonlyArray<string>; req_id: string }
  if (op === "ping") return ws.send(JSON.stringify({ success: true, ret_msg: "pong", req_id, op }))
  ws.send(JSON.stringify({ success: true, ret_msg: "", req_id, op }))
  for (const key of args) {
    const topic: Topic = { key, symbol: key.slice(key.lastIndexOf(".") + 1), ws, last: 100 }
    if (op === "subscribe") topics.set(key, topic)
    else topics.delete(key)
    if (op === "subscribe" && key.startsWith("orderbook")) ws.send(snapshot(topic))
  }
}

let isOver = false
let sent = 0
let startedAt = 0

const flood = (rate: number): void => {
  const turn = [...topics.values()]
  const outgoing = new Map([...sockets.keys()].map((ws) => [ws, new Outgoing()]))
  let at = 0
  const send = (): void => {
    if (isOver) return
    const owed = Math.floor((rate * (performance.now() - startedAt)) / 1000) - sent
    if (turn.every(({ ws }) => ws.bufferedAmount < unsentAtMost)) {
      for (let left = Math.min(owed, framesAtOnce); left > 0; left--) {
        const topic = turn[at++ % turn.length]!
        outgoing.get(topic.ws)!.add(nextOf(topic))
        sent++
      }
    }
    for (const [ws, socket] of sockets) outgoing.get(ws)?.flush(socket)
    setTimeout(send, 2)
  }
  startedAt = performance.now()
  send()
  setInterval(() => say({ _tag: "Sent", frames: sent, millis: performance.now() - startedAt }), 100)
}

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false })
server.on("connection", (ws, request) => {
  sockets.set(ws, request.socket)
  ws.on("message", (data: Buffer) => hear(ws, data.toString()))
  ws.on("close", () => sockets.delete(ws))
})
server.on("listening", () => say({ _tag: "Listening", port: (server.address() as AddressInfo).port }))

process.on("message", (order: Order) => {
  if (order._tag === "Start") return flood(order.rate)
  isOver = true
  const millis = performance.now() - startedAt
  say({
    _tag: "Stopped",
    frames: sent,
    millis,
    last: Object.fromEntries([...topics].map(([key, { last }]) => [key, last]))
  })
})
// The test that started this process is gone.
process.on("disconnect", () => process.exit(0))
