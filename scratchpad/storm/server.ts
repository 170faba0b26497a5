/**
 * The demo's feed server, a process of its own: real TCP on loopback, topics
 * that are numbered whether anybody listens or not, and every kind of trouble on
 * command. It ends when its parent does.
 */
import { createServer, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import {
  feeds,
  type FromProcess,
  type FromServer,
  topicOf,
  type ToProcess,
  topics,
  type ToServer,
  type Trouble,
  type Venue,
  venueOf,
  venues
} from "./wire.ts"

interface Client {
  readonly feed: string
  readonly socket: WebSocket
  readonly tcp: Socket
  readonly topics: Set<string>
  /** Writes go nowhere, as on a path that broke. */
  lost: boolean
  /** Alive by every ping, and without a word of data. */
  bad: boolean
}

const clients = new Set<Client>()
const numbers = new Map<string, number>()
const orders = new Set<string>()
const closingUntil = new Map<string, number>()
const ports = new Map<Venue, number>()
let publishing = true

const tell = (message: FromProcess) => process.send?.(message)

const say = (client: Client, message: FromServer) => {
  if (!client.lost && client.socket.readyState === 1) client.socket.send(JSON.stringify(message))
}

const hear = (client: Client, message: ToServer) => {
  if (message.op === "order") {
    orders.add(message.order)
    return say(client, { taken: message.order })
  }
  for (const topic of message.topics) {
    if (message.op === "subscribe") client.topics.add(topic)
    else client.topics.delete(topic)
  }
  say(client, { ack: message.id })
}

const welcome = (feed: string, socket: WebSocket, tcp: Socket) => {
  if ((closingUntil.get(feed) ?? 0) > Date.now()) return socket.close(1011, "try later")
  const client: Client = { feed, socket, tcp, topics: new Set(), lost: false, bad: false }
  clients.add(client)
  socket.on("message", (data) => hear(client, JSON.parse((data as Buffer).toString()) as ToServer))
  socket.on("close", () => clients.delete(client))
  socket.on("error", () => socket.terminate())
}

const serve = (venue: Venue, port: number) =>
  new Promise<Server>((resolve) => {
    const http = createServer((_, response) => response.writeHead(404).end())
    const upgrades = new WebSocketServer({ server: http, perMessageDeflate: false })
    upgrades.on("connection", (socket, request) => {
      welcome(`${venue}${new URL(request.url ?? "/", "ws://feed").pathname}`, socket, request.socket)
    })
    upgrades.on("error", () => {})
    http.listen(port, "127.0.0.1", () => {
      ports.set(venue, (http.address() as AddressInfo).port)
      resolve(http)
    })
  })

const servers = new Map<Venue, Server>()

const of = (names: ReadonlyArray<string>) => [...clients].filter(({ feed }) => names.includes(feed))

const refuse = (venue: Venue, millis: number) => {
  servers.get(venue)?.close()
  for (const { feed, socket } of clients) if (venueOf(feed) === venue) socket.terminate()
  setTimeout(() => void serve(venue, ports.get(venue) ?? 0).then((http) => servers.set(venue, http)), millis)
}

const halfOpen = (client: Client) => {
  client.lost = true
  client.tcp.pause()
  // Not even an acknowledgement of the close that will come; the kernel's own is enough for TCP.
  client.socket.removeAllListeners("message")
}

const deafen = (client: Client, millis: number) => {
  client.socket.pause()
  setTimeout(() => client.socket.resume(), millis)
}

const cause = (trouble: Trouble): void => {
  switch (trouble._tag) {
    case "kill":
      return of(trouble.feeds).forEach(({ socket }) => socket.terminate())
    case "halfOpen":
      return of(trouble.feeds).forEach(halfOpen)
    case "goBad":
      return of(trouble.feeds).forEach((client) => {
        client.bad = true
      })
    case "deaf":
      return of(trouble.feeds).forEach((client) => deafen(client, trouble.millis))
    case "acceptThenClose":
      for (const feed of trouble.feeds) closingUntil.set(feed, Date.now() + trouble.millis)
      return of(trouble.feeds).forEach(({ socket }) => socket.terminate())
    case "refuse":
      return refuse(trouble.venue, trouble.millis)
  }
}

/** Each feed has a pace of its own, between 4 and 40 messages a second. */
const paceOf = (index: number) => 4 + ((index * 7) % 37)

const publish = (feed: string, topic: string) => {
  const name = topicOf(feed, topic)
  const seq = (numbers.get(name) ?? 0) + 1
  numbers.set(name, seq)
  for (const client of clients) {
    if (client.feed === feed && !client.bad && client.topics.has(topic)) {
      say(client, { topic, seq, price: 100 + Math.round(Math.sin(seq / 50) * 1000) / 100 })
    }
  }
}

const tick = 25
let ticks = 0
const turns = new Map<string, number>()

/** A feed's topics take turns. */
const publishNext = (feed: string) => {
  const turn = (turns.get(feed) ?? 0) + 1
  turns.set(feed, turn)
  publish(feed, topics[turn % topics.length] ?? "trades")
}

const dueBy = (count: number, pace: number) => Math.floor((count * tick * pace) / 1000)

const market = setInterval(() => {
  if (!publishing) return
  ticks++
  for (const [index, feed] of feeds.entries()) {
    const due = dueBy(ticks, paceOf(index)) - dueBy(ticks - 1, paceOf(index))
    for (let n = 0; n < due; n++) publishNext(feed)
  }
}, tick)

process.on("message", (message: ToProcess) => {
  if (message._tag === "trouble") return cause(message.trouble)
  publishing = false
  // One more number of every topic, so that connected clients learn what they missed.
  for (const feed of feeds) for (const topic of topics) publish(feed, topic)
  tell({ _tag: "report", published: Object.fromEntries(numbers), orders: [...orders] })
})

process.on("disconnect", () => {
  clearInterval(market)
  process.exit(0)
})

for (const venue of venues) servers.set(venue, await serve(venue, 0))
tell({ _tag: "ready", ports: Object.fromEntries(ports) as Record<Venue, number> })
