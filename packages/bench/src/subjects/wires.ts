/**
 * The peers that are a WebSocket by another name: callbacks in, `send` out. One
 * adapter each, so that every bench drives them alike.
 */
import PartySocket from "partysocket/ws"
import ReconnectingWebSocket from "reconnecting-websocket"
import { webSocket } from "rxjs/webSocket"
import { WebSocket as Ws } from "ws"

export interface Wire {
  readonly send: (text: string) => void
  readonly bufferedAmount: () => number
}

export type Open = (url: string, onText: (text: string) => void) => Promise<Wire>

const options = { perMessageDeflate: false } as const

export const openRaw = (url: string): Promise<Ws> =>
  new Promise((resolve, reject) => {
    const ws = new Ws(url, options)
    ws.once("open", () => resolve(ws))
    ws.once("error", reject)
  })

const raw: Open = (url, onText) =>
  new Promise((resolve, reject) => {
    const ws = new Ws(url, options)
    ws.on("message", (data: Buffer) => onText(data.toString()))
    ws.on("open", () => resolve({ send: (text) => ws.send(text), bufferedAmount: () => ws.bufferedAmount }))
    ws.on("error", reject)
  })

interface EventSocket {
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void
  addEventListener(type: "open", listener: () => void): void
  send(text: string): void
  readonly bufferedAmount: number
}

const ofEvents = (ws: EventSocket, onText: (text: string) => void): Promise<Wire> =>
  new Promise((resolve) => {
    ws.addEventListener("message", ({ data }) => onText(String(data)))
    ws.addEventListener("open", () =>
      resolve({ send: (text) => ws.send(text), bufferedAmount: () => ws.bufferedAmount })
    )
  })

const global: Open = (url, onText) => ofEvents(new WebSocket(url), onText)

const partysocket: Open = (url, onText) => ofEvents(new PartySocket(url, [], { WebSocket: Ws }), onText)

// published as CommonJS with a default inside its default
const Reconnecting = ((ReconnectingWebSocket as unknown as { readonly default?: unknown }).default ??
  ReconnectingWebSocket) as typeof ReconnectingWebSocket.default

const reconnecting: Open = (url, onText) => ofEvents(new Reconnecting(url, [], { WebSocket: Ws }), onText)

const rxjs: Open = (url, onText) =>
  new Promise((resolve) => {
    const subject = webSocket<string>({
      url,
      WebSocketCtor: Ws as never,
      serializer: (text) => text,
      deserializer: ({ data }) => String(data),
      openObserver: {
        next: ({ target }) => {
          const ws = target as unknown as Ws
          resolve({ send: (text) => subject.next(text), bufferedAmount: () => ws.bufferedAmount })
        }
      }
    })
    subject.subscribe({ next: onText })
  })

export const wires: Readonly<Record<string, Open>> = {
  "raw ws": raw,
  "Node's WebSocket": global,
  partysocket,
  "reconnecting-websocket": reconnecting,
  "rxjs webSocket": rxjs
}
