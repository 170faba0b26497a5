/**
 * A SignalR hub in a process of its own, as lean as it can be: negotiation, the
 * JSON protocol over WebSockets, `Echo` and `Range`. One frame for each message,
 * as ASP.NET Core writes them; what one read asks for leaves in one write.
 *
 * Argument: the port (0: any).
 */
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { acceptance, frame, frameReader } from "./wire.ts"

const rs = "\u001e"
const blockSize = 65_536
const textOpcode = 1
const closeOpcode = 8
const ping = frame(textOpcode, Buffer.from(`{"type":6}${rs}`))

interface Asked {
  readonly type?: number
  readonly target?: string
  readonly invocationId?: string
  readonly arguments?: ReadonlyArray<unknown>
}

const toFrame = (message: unknown): Buffer => frame(textOpcode, Buffer.from(JSON.stringify(message) + rs))

/** Short frames of ASCII, written into one piece of memory. */
const makeReplies = (socket: Socket) => {
  let bytes = Buffer.allocUnsafe(blockSize)
  let length = 0
  const flush = (): void => {
    if (length > 0) socket.write(bytes.subarray(0, length))
    bytes = Buffer.allocUnsafe(blockSize)
    length = 0
  }
  const push = (text: string): void => {
    if (length + text.length + 2 > blockSize) flush()
    bytes[length] = 0x80 | textOpcode
    bytes[length + 1] = text.length
    bytes.write(text, length + 2, "latin1")
    length += text.length + 2
  }
  return { flush, push }
}

/** So many items, each with a number and a text of this length, as fast as the client reads. */
const range = (socket: Socket, invocationId: string, count: number, size: number): void => {
  const text = "x".repeat(size)
  let next = 0
  const pour = (): void => {
    while (next < count) {
      const block: Array<Buffer> = []
      for (let bytes = 0; next < count && bytes < blockSize; next++) {
        const item = toFrame({ type: 2, invocationId, item: { text, number: next } })
        block.push(item)
        bytes += item.length
      }
      if (!socket.write(Buffer.concat(block))) return
    }
    socket.off("drain", pour)
    socket.write(toFrame({ type: 3, invocationId }))
  }
  socket.on("drain", pour)
  pour()
}

const serve = (socket: Socket): void => {
  let shaken = false
  const replies = makeReplies(socket)
  const answer = (asked: Asked): void => {
    if (!shaken) {
      shaken = true
      replies.push(`{}${rs}`)
    } else if (asked.type === 1 && asked.invocationId !== undefined) {
      replies.push(
        `{"type":3,"invocationId":"${asked.invocationId}","result":${JSON.stringify(asked.arguments?.[0])}}${rs}`
      )
    } else if (asked.type === 4) {
      const [count, size] = asked.arguments as readonly [number, number]
      range(socket, asked.invocationId!, count, size)
    }
  }
  const read = frameReader((opcode, payload) => {
    if (opcode === closeOpcode) return void socket.end(frame(closeOpcode, payload))
    if (opcode !== textOpcode) return
    for (const record of payload.toString().split(rs)) if (record !== "") answer(JSON.parse(record) as Asked)
  })
  socket.on("data", (chunk: Buffer) => {
    read(chunk)
    replies.flush()
  })
  const pinging = setInterval(() => socket.write(ping), 10_000)
  socket.on("close", () => clearInterval(pinging))
}

let ids = 0
const sockets = new Set<Socket>()

const server = createServer((_request, response) => {
  const transports = [{ transport: "WebSockets", transferFormats: ["Text", "Binary"] }]
  const id = String(++ids)
  response.end(
    JSON.stringify({ connectionId: id, connectionToken: id, negotiateVersion: 1, availableTransports: transports })
  )
})
server.on("upgrade", (request, socket: Socket) => {
  sockets.add(socket)
  socket.setNoDelay(true)
  socket.on("error", () => undefined)
  socket.on("close", () => sockets.delete(socket))
  socket.write(acceptance(`sec-websocket-key: ${request.headers["sec-websocket-key"] ?? ""}`))
  serve(socket)
})

process.on("message", () => process.send?.({ sockets: sockets.size }))
process.on("disconnect", () => process.exit(0))

server.listen({ port: Number(process.argv[2] ?? 0), host: "127.0.0.1" }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
