/**
 * What the hostile server does, by path: one misbehaviour each, of the upgrade
 * or of what follows it.
 */
import { createHash } from "node:crypto"
import type { Socket } from "node:net"
import { deflateRawSync } from "node:zlib"
import { close, frame } from "./frames.ts"

export interface Request {
  readonly path: string
  readonly key: string
}

export type Behaviour = (socket: Socket, request: Request) => void

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

export const acceptOf = (key: string): string =>
  createHash("sha1")
    .update(key + guid)
    .digest("base64")

const head = (status: string, headers: ReadonlyArray<string>): string =>
  [`HTTP/1.1 ${status}`, ...headers, "", ""].join("\r\n")

export const upgrade = (request: Request, ...headers: ReadonlyArray<string>): string =>
  head("101 Switching Protocols", [
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptOf(request.key)}`,
    ...headers
  ])

/** Upgrades properly and then sends these bytes. */
const then =
  (...bytes: ReadonlyArray<Buffer>): Behaviour =>
  (socket, request) => {
    socket.write(upgrade(request))
    for (const chunk of bytes) socket.write(chunk)
    socket.resume()
  }

/** Writes as fast as the peer reads, until it hangs up. */
const flood = (socket: Socket, chunk: Buffer): void => {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk)) {
      /* until the buffer is full */
    }
  }
  socket.on("drain", more)
  more()
}

const repeat = (bytes: Buffer, times: number): Buffer => Buffer.concat(Array.from({ length: times }, () => bytes))

const textOf = (length: number) => frame({ opcode: 1, payload: Buffer.alloc(length, "x") })

const bomb = (megabytes: number): Buffer =>
  frame({ opcode: 2, rsv: 4, payload: deflateRawSync(Buffer.alloc(megabytes * 1_048_576), { level: 9 }) })

/** The paths whose server never hangs up, not even when the client has. */
export const deaf: ReadonlySet<string> = new Set([
  "/never-hangs-up",
  "/close-flood",
  "/too-large",
  "/never-closes",
  "/stalled-reader"
])

export const behaviours: Readonly<Record<string, Behaviour>> = {
  "/hang": () => undefined,
  "/drip": (socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nX-Drip: ")
    const timer = setInterval(() => socket.write("x"), 10)
    socket.on("close", () => clearInterval(timer))
  },
  "/garbage": (socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"),
  "/header-flood": (socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\n")
    flood(socket, Buffer.from(`X-Filler: ${"x".repeat(1_000)}\r\n`))
  },
  "/hang-up": (socket) => socket.end(),
  "/reset-upgrade": (socket) => socket.resetAndDestroy(),
  "/bad-accept": (socket) =>
    socket.write(
      head("101 Switching Protocols", ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Accept: AAAA"])
    ),
  "/bad-upgrade": (socket, request) =>
    socket.write(
      head("101 Switching Protocols", [
        "Upgrade: other",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${acceptOf(request.key)}`
      ])
    ),
  "/bad-subprotocol": (socket, request) => socket.write(upgrade(request, "Sec-WebSocket-Protocol: other")),
  "/bad-extension": (socket, request) => socket.write(upgrade(request, "Sec-WebSocket-Extensions: permessage-deflate")),
  "/endless-500": (socket) => {
    socket.write(head("500 Internal Server Error", ["Content-Type: text/plain", "Transfer-Encoding: chunked"]))
    flood(socket, Buffer.from(`400\r\n${"e".repeat(1_024)}\r\n`))
  },
  "/stalled-500": (socket) =>
    socket.write(head("500 Internal Server Error", ["Content-Type: text/plain", "Content-Length: 1000"]) + "partial"),
  "/redirect": (socket) => socket.end(head("302 Found", ["Location: /redirect", "Content-Length: 0"])),
  "/busy-seconds": (socket) =>
    socket.end(head("503 Service Unavailable", ["Retry-After: 7", "Content-Length: 4"]) + "busy"),
  "/busy-date": (socket) =>
    socket.end(head("429 Too Many Requests", ["Retry-After: Fri, 02 Jan 1970 00:00:00 GMT", "Content-Length: 0"])),
  "/unauthorized": (socket) =>
    socket.end(
      head("401 Unauthorized", ["X-Trace: planted-header-secret", "Content-Length: 19"]) + "planted-body-secret"
    ),
  "/masked": then(frame({ opcode: 1, masked: true, payload: Buffer.from("hi") })),
  "/rsv": then(frame({ opcode: 1, rsv: 3, payload: Buffer.from("hi") })),
  "/rsv1": then(frame({ opcode: 1, rsv: 4, payload: Buffer.from("hi") })),
  "/opcode": then(frame({ opcode: 5, payload: Buffer.from("hi") })),
  "/long-ping": then(frame({ opcode: 9, payload: Buffer.alloc(126) })),
  "/split-ping": then(frame({ opcode: 9, fin: false })),
  "/bad-close-code": then(close(1006)),
  "/huge-length": then(frame({ opcode: 2, claim: 1n << 63n })),
  "/too-large": then(textOf(4_096)),
  "/bad-utf8": then(frame({ opcode: 1, payload: Buffer.from([0xc3, 0x28]) })),
  "/good-then-bad": then(textOf(3), textOf(4), frame({ opcode: 5 })),
  "/bomb": (socket, request) => {
    socket.write(upgrade(request, "Sec-WebSocket-Extensions: permessage-deflate"))
    socket.write(bomb(256))
  },
  "/bad-deflate": (socket, request) => {
    socket.write(upgrade(request, "Sec-WebSocket-Extensions: permessage-deflate"))
    socket.write(frame({ opcode: 1, rsv: 4, payload: Buffer.from([0xff, 0xff, 0xff, 0xff]) }))
  },
  "/fragments": (socket, request) => {
    socket.write(upgrade(request))
    socket.write(frame({ opcode: 2, fin: false, payload: Buffer.alloc(1) }))
    flood(socket, repeat(frame({ opcode: 0, fin: false, payload: Buffer.alloc(1) }), 1_000))
  },
  "/pings": (socket, request) => {
    socket.write(upgrade(request))
    socket.pause()
    flood(socket, repeat(frame({ opcode: 9, payload: Buffer.alloc(125) }), 500))
  },
  "/close-storm": then(repeat(close(1012, "storm"), 1_000)),
  "/never-hangs-up": then(close(1012, "restarting")),
  "/close-flood": (socket, request) => {
    socket.write(upgrade(request))
    socket.write(close(1013, "later"))
    flood(socket, textOf(1_024))
  },
  "/never-closes": (socket, request) => {
    socket.write(upgrade(request))
    socket.resume()
  },
  "/no-status": then(frame({ opcode: 8 })),
  "/reset": (socket, request) => {
    socket.write(upgrade(request))
    socket.write(frame({ opcode: 2, claim: 1_000n, payload: Buffer.alloc(10) }), () => socket.resetAndDestroy())
  },
  "/cut": (socket, request) => {
    socket.write(upgrade(request))
    socket.end(frame({ opcode: 2, claim: 1_000n, payload: Buffer.alloc(10) }))
  },
  "/drip-frame": (socket, request) => {
    socket.write(upgrade(request))
    socket.write(frame({ opcode: 2, claim: 100n }))
    let sent = 0
    const timer = setInterval(() => {
      socket.write(Buffer.alloc(1))
      if (++sent === 100) clearInterval(timer)
    }, 5)
    socket.on("close", () => clearInterval(timer))
  },
  "/flood": (socket, request) => {
    socket.write(upgrade(request))
    flood(socket, repeat(textOf(1_024), 60))
  },
  "/reset-on-data": (socket, request) => {
    socket.write(upgrade(request))
    socket.once("data", () => socket.resetAndDestroy())
  },
  "/stalled-reader": (socket, request) => {
    socket.write(upgrade(request))
    socket.pause()
    socket.on("error", () => undefined)
  }
}
