/**
 * The bench's server process. Prints its port; takes `"dark"` over the process
 * channel: from then on it neither reads nor writes, and closes nothing, as a
 * host behind a dead route would. `"dials"` tells when each dial came since it
 * was last asked.
 *
 * Argument: the port (0: any).
 */
import { type AddressInfo, createServer, type Socket } from "node:net"
import { behave } from "./behaviours.ts"
import { acceptance } from "./wire.ts"

const sockets = new Set<Socket>()
const dials: Array<number> = []
let dark = false

const silence = (socket: Socket): void => {
  socket.pause()
  socket.removeAllListeners("data")
}

const upgrade = (socket: Socket, head: string): void => {
  dials.push(performance.now())
  socket.write(acceptance(head))
  behave(socket, head.split(" ", 2)[1] ?? "/", sockets)
}

const server = createServer({ noDelay: true }, (socket) => {
  sockets.add(socket)
  socket.on("error", () => undefined)
  socket.on("close", () => sockets.delete(socket))
  if (dark) return silence(socket)
  socket.once("data", (chunk) => upgrade(socket, chunk.toString("latin1")))
})

process.on("message", (message) => {
  if (message === "dark") {
    dark = true
    for (const socket of sockets) silence(socket)
  }
  process.send?.({ sockets: sockets.size, dials: message === "dials" ? dials.splice(0) : [] })
})
process.on("disconnect", () => process.exit(0))

server.listen({ port: Number(process.argv[2] ?? 0), host: "0.0.0.0", backlog: 8_192 }, () => {
  process.send?.({ port: (server.address() as AddressInfo).port })
})
