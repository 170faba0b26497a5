/**
 * The bench's server process. Prints its port; takes `"dark"` over the process
 * channel: from then on it neither reads nor writes, and closes nothing, as a
 * host behind a dead route would. `"dials"` tells when each dial came since it
 * was last asked. On a second port it speaks TLS.
 *
 * Argument: the port (0: any).
 */
import { readFileSync } from "node:fs"
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import { createServer as createTlsServer } from "node:tls"
import { behave } from "./behaviours.ts"
import { acceptance, certificates } from "./wire.ts"

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

const accept = (socket: Socket): void => {
  sockets.add(socket)
  socket.on("error", () => undefined)
  socket.on("close", () => sockets.delete(socket))
  if (dark) return silence(socket)
  socket.once("data", (chunk: Buffer) => upgrade(socket, chunk.toString("latin1")))
}

const certificate = (name: string): Buffer => readFileSync(new URL(name, certificates))

const plain = createServer({ noDelay: true }, accept)
const secure = createTlsServer({ cert: certificate("good.pem"), key: certificate("good.key"), noDelay: true }, accept)

process.on("message", (message) => {
  if (message === "dark") {
    dark = true
    for (const socket of sockets) silence(socket)
  }
  process.send?.({ sockets: sockets.size, dials: message === "dials" ? dials.splice(0) : [] })
})
process.on("disconnect", () => process.exit(0))

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve) => {
    server.listen({ port, host: "0.0.0.0", backlog: 8_192 }, () => resolve((server.address() as AddressInfo).port))
  })

const port = await listen(plain, Number(process.argv[2] ?? 0))
process.send?.({ port, tlsPort: await listen(secure, 0) })
