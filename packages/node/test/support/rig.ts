/**
 * The conformance suite's peer on real sockets. It speaks the wire format by
 * hand, so the transport is not tested against its own library.
 */
import * as Message from "kharbranth/Message"
import { type Door, type Listener, Rig, type RigPeer } from "kharbranth/testing/TransportConformance"
import * as Effect from "effect/Effect"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { inspect } from "node:util"
import { acceptOf } from "../hostile/behaviours.ts"
import { close, frame } from "../hostile/frames.ts"
import { mailbox } from "./mailbox.ts"
import { frameReader } from "./frameReader.ts"

const encode = (data: Message.Frame): Buffer =>
  typeof data === "string" ? frame({ opcode: 1, payload: Buffer.from(data) }) : frame({ opcode: 2, payload: data })

const toMessage = (opcode: number, payload: Buffer): Message.Message => {
  switch (opcode) {
    case 1:
      return Message.text(payload.toString())
    case 2:
      return Message.binary(payload)
    case 8:
      return payload.length < 2
        ? Message.close(1005)
        : Message.close(payload.readUInt16BE(), payload.toString("utf8", 2))
    case 9:
      return Message.ping(payload)
    default:
      return Message.pong(payload)
  }
}

const makePeer = (socket: Socket, headers: RigPeer["headers"], answersClose: boolean) => {
  const messages = mailbox<Message.Message>()
  let closeSent = false
  const write = (bytes: Buffer) => Effect.sync(() => void socket.write(bytes))
  const answer = (opcode: number, payload: Buffer): void => {
    if (opcode === 9) socket.write(frame({ opcode: 10, payload }))
    if (opcode !== 8) return
    if (closeSent) return void socket.end()
    if (answersClose) socket.end(frame({ opcode: 8, payload }))
  }
  const feed = frameReader((opcode, payload) => {
    messages.put(toMessage(opcode, payload))
    answer(opcode, payload)
  })
  const peer: RigPeer = {
    headers,
    receive: messages.take,
    send: (frames) => write(Buffer.concat(frames.map(encode))),
    begin: (data) => {
      const half = data.length >> 1
      const rest = write(frame({ opcode: 0, payload: data.subarray(half) }))
      return Effect.as(write(frame({ opcode: 2, fin: false, payload: data.subarray(0, half) })), rest)
    },
    ping: (payload) => write(frame({ opcode: 9, payload })),
    close: (code, reason) =>
      Effect.suspend(() => {
        closeSent = true
        return write(code === undefined ? frame({ opcode: 8 }) : close(code, reason))
      }),
    reset: Effect.sync(() => void socket.resetAndDestroy()),
    pause: Effect.sync(() => void socket.pause()),
    resume: Effect.sync(() => void socket.resume()),
    gone: Effect.callback((resume) => {
      if (socket.destroyed) return resume(Effect.void)
      socket.once("close", () => resume(Effect.void))
    })
  }
  return { peer, feed }
}

const parseHead = (head: string): RigPeer["headers"] =>
  Object.fromEntries(
    head
      .split("\r\n")
      .slice(1)
      .map((line) => {
        const colon = line.indexOf(":")
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
      })
  )

const rejection = (door: Extract<Door, { readonly _tag: "Reject" }>): string => {
  const retry = door.retryAfterSeconds === undefined ? "" : `Retry-After: ${door.retryAfterSeconds}\r\n`
  return `HTTP/1.1 ${door.status} Refused\r\n${retry}Content-Length: 0\r\n\r\n`
}

const acceptance = (door: Extract<Door, { readonly _tag: "Accept" }>, headers: RigPeer["headers"]): Buffer => {
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim())
  const chosen = offered.find((name) => door.subprotocols?.includes(name))
  const answer = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(headers["sec-websocket-key"] ?? "")}`,
    ...(chosen === undefined ? [] : [`Sec-WebSocket-Protocol: ${chosen}`]),
    "",
    ""
  ]
  return Buffer.concat([Buffer.from(answer.join("\r\n")), ...(door.greeting ?? []).map(encode)])
}

const listen = Effect.fnUntraced(function* (door: Door) {
  const peers = mailbox<RigPeer>()
  const asked = mailbox<void>()
  const sockets = new Set<Socket>()
  const deserted = new Set<() => void>()
  let visited = false
  const open = (socket: Socket, head: string, rest: Buffer) => {
    asked.put()
    if (door._tag === "Hold") return
    if (door._tag === "Reject") return void socket.end(rejection(door))
    const headers = parseHead(head)
    const { feed, peer } = makePeer(socket, headers, door.answersClose ?? true)
    socket.on("data", feed)
    socket.write(acceptance(door, headers))
    feed(rest)
    peers.put(peer)
  }
  const server = createServer((socket) => {
    visited = true
    sockets.add(socket)
    socket.on("error", () => undefined)
    socket.on("close", () => {
      sockets.delete(socket)
      if (sockets.size === 0) {
        for (const wake of deserted) wake()
      }
    })
    let bytes = Buffer.alloc(0)
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      const end = bytes.indexOf("\r\n\r\n")
      if (end < 0) return
      socket.off("data", onData)
      open(socket, bytes.toString("latin1", 0, end), bytes.subarray(end + 4))
      socket.resume()
    }
    socket.on("data", onData)
  })
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () =>
      Effect.callback<void>((resume) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resume(Effect.void))
      })
  )
  return {
    url: `ws://127.0.0.1:${port}/rig`,
    peer: peers.take,
    asked: asked.take,
    deserted: Effect.callback<void>((resume) => {
      if (visited && sockets.size === 0) return resume(Effect.void)
      deserted.add(() => resume(Effect.void))
    })
  } satisfies Listener
})

/** A rig on this machine. Port 1 is where nothing listens. */
export const rig = Rig.of({
  listen,
  nowhere: "ws://127.0.0.1:1/nowhere",
  inspect: (value) => inspect(value, { showHidden: true, depth: 20 })
})
