/** What tests of the hub connection share: an environment, quick policies, and ways to wait for what will come. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type { Scope } from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Reconnect from "kharbranth/Reconnect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { type WebSocket, WebSocketServer } from "ws"
import type * as Hub from "../../src/Hub.ts"
import * as HubConnection from "../../src/HubConnection.ts"

export const environment = Layer.mergeAll(NodeTransport.layerWith({ proxy: false }), FetchHttpClient.layer)

/** Retries soon and for ever; a session is stable at once. */
export const quick = Reconnect.make({ schedule: Schedule.spaced("20 millis"), stableAfter: "1 millis" })

/** Options of a test's own, without a contract. */
export type Own = Partial<HubConnection.Options<Hub.Hub<{}, {}, {}>>>

export const connect = <H extends Hub.Any = Hub.Hub<{}, {}, {}>, E = never, RO = never>(
  options: HubConnection.Options<H, E, never, RO>
) => Effect.provide(HubConnection.make("hub", { reconnect: quick, ...options }), environment)

/** Over a socket, without negotiation. */
export const socket = { transports: ["WebSockets"], skipNegotiation: true } as const

/** Looks again until it is so; the test's own timeout is the limit. */
export const eventually = (check: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() => (check() ? Effect.void : Effect.andThen(Effect.sleep(2), eventually(check))))

/** Waits for a state. */
export const until = (
  hub: { readonly state: HubConnection.HubConnection["state"] },
  accept: (state: HubConnection.HubConnectionState) => boolean
) => hub.state.changes.pipe(Stream.filter(accept), Stream.runHead)

export const isConnectedSince =
  (epoch: number) =>
  (state: HubConnection.HubConnectionState): boolean =>
    state._tag === "Connected" && state.epoch >= epoch

export const is =
  (tag: HubConnection.HubConnectionState["_tag"]) =>
  (state: HubConnection.HubConnectionState): boolean =>
    state._tag === tag

/** What a fiber found out, for the rest of the test. */
export const gate = <A = void>() => Deferred.makeUnsafe<A>()

export const rs = "\u001e"

/** One socket of a hub whose every word the test chooses. */
export interface RawSocket {
  readonly nth: number
  readonly received: Array<string>
  readonly send: (frame: string | Uint8Array) => void
  readonly close: (code?: number) => void
  readonly cut: () => void
  readonly url: string
}

/** A WebSocket server without a hub behind it: `said` gets each frame and answers by hand. */
export const rawHub = (
  said: (socket: RawSocket, frame: string) => void,
  opened: (socket: RawSocket) => void = () => {},
  negotiation: (nth: number) => unknown = () => ({ error: "no negotiation here" })
): Effect.Effect<{ readonly url: string; readonly sockets: ReadonlyArray<RawSocket> }, never, Scope> =>
  Effect.acquireRelease(
    Effect.callback<{
      readonly url: string
      readonly sockets: Array<RawSocket>
      readonly server: Http.Server
      readonly open: Set<WebSocket>
    }>((resume) => {
      let negotiations = 0
      const server = Http.createServer((_, response) => response.end(JSON.stringify(negotiation(++negotiations))))
      const sockets: Array<RawSocket> = []
      const open = new Set<WebSocket>()
      new WebSocketServer({ server }).on("connection", (ws, request) => {
        open.add(ws)
        const raw: RawSocket = {
          nth: sockets.length + 1,
          received: [],
          send: (frame) => ws.send(frame),
          close: (code) => ws.close(code ?? 1000),
          cut: () => ws.terminate(),
          url: request.url ?? ""
        }
        sockets.push(raw)
        opened(raw)
        ws.on("message", (data: Buffer) => {
          raw.received.push(data.toString())
          said(raw, data.toString())
        })
        ws.on("error", () => ws.terminate())
      })
      server.listen(0, "127.0.0.1", () =>
        resume(
          Effect.succeed({
            url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hub`,
            sockets,
            server,
            open
          })
        )
      )
    }),
    ({ open, server }) =>
      Effect.callback<void>((resume) => {
        for (const ws of open) ws.terminate()
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )

export const isHandshake = (frame: string): boolean => frame.includes('"protocol"')

/** The messages in a frame, as JSON. */
export const messagesIn = (frame: string): ReadonlyArray<Record<string, unknown>> =>
  frame
    .split(rs)
    .filter((part) => part !== "")
    .map((part) => JSON.parse(part) as Record<string, unknown>)

/** Everything a raw socket was told after the handshake, pings left out. */
export const heard = (socket: RawSocket): ReadonlyArray<Record<string, unknown>> =>
  socket.received
    .filter((frame) => !isHandshake(frame))
    .flatMap(messagesIn)
    .filter((message) => message["type"] !== 6)

export const json = (message: unknown): string => JSON.stringify(message) + rs

/** The failure, whatever it is: tests look into errors of every kind, and what they find is asserted. */
export const failure = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<any, A, R> => Effect.flip(effect)

/** Says yes to the handshake, and nothing else. */
export const accept = (raw: RawSocket, frame: string) => {
  if (isHandshake(frame)) raw.send(`{}${rs}`)
}

/** Answers each call that wants an answer. */
export const answer = (raw: RawSocket, frame: string, result: (message: Record<string, unknown>) => unknown) => {
  accept(raw, frame)
  if (isHandshake(frame)) return
  for (const message of messagesIn(frame)) {
    if (message["type"] === 1 && message["invocationId"] !== undefined) {
      raw.send(json({ type: 3, invocationId: message["invocationId"], ...Object(result(message)) }))
    }
  }
}

/** Gives each call its arguments back. */
export const echo = (raw: RawSocket, frame: string) =>
  answer(raw, frame, (message) => ({ result: message["arguments"] }))
