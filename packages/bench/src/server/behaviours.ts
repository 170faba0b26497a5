/**
 * What the bench's server does with a client, by the path that was dialed.
 */
import type { Socket } from "node:net"
import { market, start } from "./market.ts"
import { tick } from "./ticks.ts"
import { frame, frameReader, header } from "./wire.ts"

const textOpcode = 1
const blockSize = 262_144

const respond = (socket: Socket, opcode: number, payload: Buffer): void => {
  if (opcode === 9) socket.write(frame(10, payload))
  if (opcode === 8) socket.end(frame(8, payload))
}

/** Answers pings and the closing handshake, and does nothing else. */
const quiet = (socket: Socket): void => {
  socket.on(
    "data",
    frameReader((opcode, payload) => respond(socket, opcode, payload))
  )
}

/** Cuts every client of the server when one of them says a word. */
const cut = (socket: Socket, _query: URLSearchParams, all: ReadonlySet<Socket>): void => {
  socket.on(
    "data",
    frameReader((opcode, payload) => {
      respond(socket, opcode, payload)
      if (opcode === textOpcode) for (const each of all) each.resetAndDestroy()
    })
  )
}

/** Sends the same bytes again and again, as fast as the client reads. */
const pour = (socket: Socket, block: Buffer): void => {
  const more = (): void => {
    while (!socket.destroyed && socket.writable) if (!socket.write(block)) return
  }
  socket.on("drain", more)
  more()
}

/** Moderate traffic: `ticks.ts` says which. */
const ticks = (socket: Socket, query: URLSearchParams): void => {
  quiet(socket)
  tick(socket, query)
}

/** Sends text frames of one size as fast as the client reads. */
const flood = (socket: Socket, query: URLSearchParams): void => {
  quiet(socket)
  const payload = Buffer.alloc(Number(query.get("size") ?? 128), "x")
  const one = frame(textOpcode, payload)
  const block = Buffer.concat(Array.from({ length: Math.max(1, Math.floor(blockSize / one.length)) }, () => one))
  pour(socket, block)
}

/** A market feed as fast as the client reads: JSON of about 180 bytes, one trade among nine changes of a book. */
const feed = (socket: Socket, query: URLSearchParams): void => {
  quiet(socket)
  const side = [
    ["43210.10", "1.200"],
    ["43209.90", "0.550"]
  ]
  const message = (id: number): Buffer => {
    const e = id % 10 === 0 ? "trade" : "depth"
    return frame(
      textOpcode,
      Buffer.from(
        JSON.stringify({ e, s: query.get("symbol") ?? "BTCUSDT", E: 1_790_000_000_000 + id, b: side, a: side, u: id })
      )
    )
  }
  pour(socket, Buffer.concat(Array.from({ length: 1_500 }, (_, id) => message(id))))
}

/** Counts bytes, and says so with a text frame at each of the given marks. */
const drain = (socket: Socket, query: URLSearchParams): void => {
  const marks = (query.get("marks") ?? "").split(",").map(Number)
  let bytes = 0
  let next = 0
  socket.on("data", (chunk) => {
    bytes += chunk.length
    while (next < marks.length && bytes >= marks[next]!) {
      socket.write(frame(textOpcode, Buffer.from(String(next))))
      next += 1
    }
  })
}

const echo = (socket: Socket): void => {
  socket.on(
    "data",
    frameReader((opcode, payload) => {
      if (opcode < 8) socket.write(frame(opcode, payload))
      else respond(socket, opcode, payload)
    })
  )
}

/** Answers a number with so many messages of 100 bytes. */
const burst = (socket: Socket): void => {
  const one = frame(textOpcode, Buffer.alloc(100, "x"))
  socket.on(
    "data",
    frameReader((opcode, payload) => {
      if (opcode !== textOpcode) return respond(socket, opcode, payload)
      socket.write(Buffer.alloc(one.length * Number(payload.toString()), one))
    })
  )
}

/** Never reads, so that the client's writes pile up. */
const deaf = (socket: Socket): void => {
  socket.pause()
}

/** Sends one large message in slices over a time, and answers nothing until it is sent. */
const drip = (socket: Socket, query: URLSearchParams): void => {
  const size = Number(query.get("size"))
  const slices = Math.ceil(Number(query.get("millis")) / 50)
  const slice = Buffer.alloc(Math.ceil(size / slices), "x")
  let left = size
  socket.write(header(textOpcode, size))
  const timer = setInterval(() => {
    const part = slice.subarray(0, Math.min(left, slice.length))
    left -= part.length
    socket.write(part)
    if (left > 0) return
    clearInterval(timer)
    quiet(socket)
  }, 50)
  socket.on("close", () => clearInterval(timer))
}

type Behaviour = (socket: Socket, query: URLSearchParams, all: ReadonlySet<Socket>) => void

const behaviours: Readonly<Record<string, Behaviour>> = {
  "/quiet": quiet,
  "/cut": cut,
  "/flood": flood,
  "/feed": feed,
  "/ticks": ticks,
  "/market": market,
  "/start": start,
  "/drain": drain,
  "/echo": echo,
  "/burst": burst,
  "/deaf": deaf,
  "/drip": drip
}

export const behave = (socket: Socket, path: string, all: ReadonlySet<Socket>): void => {
  const url = new URL(path, "ws://bench")
  const behaviour = behaviours[url.pathname] ?? quiet
  behaviour(socket, url.searchParams, all)
}
