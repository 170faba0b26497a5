/**
 * A program that the page can look into: it serves the built page with the
 * dashboard's own policy of content, and speaks the wire about a made-up world.
 */
import { readFile } from "node:fs/promises"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { extname, join } from "node:path"
import * as Why from "kharbranth/Why"
import { type WebSocket, WebSocketServer } from "ws"
import type { Budget, Detail, Frame, Hello, Request, Row, View } from "../../src/internal/wire/wire.ts"
import { otherVersion, path, subprotocol } from "../../src/internal/wire/wire.ts"
import { renamed, type Stories } from "./stories.ts"
import type { World } from "./world.ts"

export const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:"

const types: Readonly<Record<string, string>> = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript"
}

export interface Options {
  readonly world: World
  readonly stories: Stories
  /** Where the built page is. */
  readonly folder: string
  readonly port?: number | undefined
  readonly hello?: Partial<Hello> | undefined
  /** The version of the wire that it speaks, beside which it closes. */
  readonly speaks?: string | undefined
  /** Whether it turns everybody away, as one does whose cookie it does not know. */
  readonly refuses?: boolean | undefined
  /** How often a second passes in the world, in milliseconds; 0 for never. */
  readonly pace?: number | undefined
}

export interface Program {
  readonly port: number
  readonly url: string
  /** What pages have asked, without what they look at. */
  readonly asked: ReadonlyArray<Request>
  readonly viewers: () => number
  /** Changes rows, and tells everyone. */
  readonly change: (id: number, change: Partial<Row>) => void
  /** Changes rows, and sends no more than a later change of theirs, as a page sees it that stood still. */
  readonly skip: (id: number, change: Partial<Row>) => void
  readonly stop: () => Promise<void>
}

interface Viewer {
  readonly socket: WebSocket
  view: View | undefined
  followed: number | undefined
  wantsBudget: boolean
  /** The number of its last frame of cells, and of rows. */
  at: number
}

const topics = (row: Row): Detail["subscriptions"] =>
  ["trades", "book", "ticker"].map((topic) => ({
    topic: `${topic}.${row.name.split("/")[1] ?? row.name}`,
    state: row.state === "Connected" ? "Active" : "Pending"
  }))

const budget: Budget = {
  t: "budget",
  keys: [
    { key: "wss://feed.binance.example", dialing: 0, waiting: 0, breaker: "Closed", probesIn: undefined, waiters: [] },
    {
      key: "wss://feed.okx.example",
      dialing: 1,
      waiting: 213,
      breaker: "Open",
      probesIn: 4900,
      waiters: [
        "okx/btc-usdt/book",
        "okx/eth-usdt/trades",
        "okx/sol-usd/book",
        "okx/ada-eur/ticker",
        "okx/xrp-usdc/book",
        "okx/uni-btc/trades"
      ]
    },
    {
      key: "wss://feed.kraken.example",
      dialing: 2,
      waiting: 3,
      breaker: "Closed",
      probesIn: undefined,
      waiters: ["kraken/btc-eur/book", "kraken/eth-eur/book", "kraken/dot-eur/book"]
    },
    {
      key: "wss://feed.gate.example",
      dialing: 1,
      waiting: 12,
      breaker: "Recovering",
      probesIn: undefined,
      waiters: ["gate/near-usdt/book"]
    }
  ]
}

export const startProgram = async (options: Options): Promise<Program> => {
  const { folder, pace = 1000, refuses = false, speaks = subprotocol, stories, world } = options
  const viewers = new Set<Viewer>()
  const asked: Array<Request> = []
  const hello: Hello = {
    t: "hello",
    versions: { kharbranth: "0.1.0", effect: "4.1.0", runtime: `Node ${process.versions.node}` },
    title: "market-data",
    commands: true,
    faults: true,
    recorder: true,
    ...options.hello
  }

  const http = Http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost")
    if (pathname === path) return void response.writeHead(refuses ? 401 : 426).end()
    const file = pathname === "/" ? "/index.html" : pathname
    readFile(join(folder, file)).then(
      (body) =>
        response
          .writeHead(200, { "content-type": types[extname(file)] ?? "text/plain", "content-security-policy": policy })
          .end(body),
      () => response.writeHead(404).end()
    )
  })
  const wss = new WebSocketServer({ server: http, path, verifyClient: () => !refuses })

  const send = (viewer: Viewer, frame: Frame) => viewer.socket.send(JSON.stringify(frame))
  const storyOf = ({ state }: Row) =>
    state === "Reconnecting"
      ? stories.silent
      : state === "Failed"
        ? stories.refused
        : state === "Connecting"
          ? stories.broken
          : stories.well

  const sendDetail = (viewer: Viewer) => {
    const id = viewer.followed
    if (id === undefined) return
    const row = world.rows.find((row) => row.id === id)
    if (row === undefined) return send(viewer, { t: "gone", id })
    const recording = renamed(storyOf(row), row.name, new URL(row.origin ?? "wss://feed.example").host)
    const explanation = Why.explain(recording)
    send(viewer, { t: "detail", row, explanation, recording, subscriptions: topics(row) })
  }
  const sendRows = (viewer: Viewer) => {
    if (viewer.view === undefined) return
    send(viewer, { t: "rows", at: viewer.at, from: viewer.view.from, ...world.window(viewer.view) })
  }
  const sendAll = (viewer: Viewer, isFirst: boolean) => {
    send(viewer, world.totals(Date.now()))
    const ids = isFirst ? world.rows.map(({ id }) => id) : undefined
    send(viewer, { t: "fleet", at: ++viewer.at, order: 1, ids, cells: world.cells() })
    sendRows(viewer)
    sendDetail(viewer)
    if (viewer.wantsBudget) send(viewer, budget)
  }

  const take = (viewer: Viewer, request: Request) => {
    switch (request.t) {
      case "view":
        viewer.view = request.view
        return sendRows(viewer)
      case "again":
        asked.push(request)
        return sendAll(viewer, true)
      case "open":
        viewer.followed = request.id
        return sendDetail(viewer)
      case "budget":
        viewer.wantsBudget = request.on
        return request.on ? send(viewer, budget) : undefined
      case "do":
      case "break":
        asked.push(request)
        return send(viewer, { t: "outcome", ask: request.ask, ok: true, text: "done" })
    }
  }

  wss.on("connection", (socket) => {
    if (socket.protocol !== speaks) return socket.close(otherVersion, `this program speaks ${speaks}`)
    const viewer: Viewer = { socket, view: undefined, followed: undefined, wantsBudget: false, at: 0 }
    viewers.add(viewer)
    socket.on("close", () => viewers.delete(viewer))
    socket.on("message", (data: Buffer) => take(viewer, JSON.parse(data.toString()) as Request))
    send(viewer, hello)
    sendAll(viewer, true)
  })

  const second = () => {
    if (viewers.size === 0) return
    world.step(Date.now())
    for (const viewer of viewers) sendAll(viewer, false)
  }
  const timer = pace === 0 ? undefined : setInterval(second, pace)

  await new Promise<void>((resolve) => http.listen(options.port ?? 0, "127.0.0.1", resolve))
  const { port } = http.address() as AddressInfo
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    asked,
    viewers: () => viewers.size,
    change: (id, change) => {
      world.change(id, change)
      for (const viewer of viewers) sendAll(viewer, false)
    },
    skip: (id, change) => {
      world.change(id, change)
      for (const viewer of viewers) {
        viewer.at += 2
        send(viewer, { t: "cells", at: viewer.at, cells: [[0, 0]] })
        send(viewer, { t: "changes", at: viewer.at, from: 0, total: world.rows.length, rows: [] })
      }
    },
    stop: async () => {
      clearInterval(timer)
      for (const client of wss.clients) client.terminate()
      await new Promise<void>((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      })
    }
  }
}
