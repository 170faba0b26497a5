/**
 * A `ws` server in a process of its own, for fleets: prints its port, counts
 * dials, echoes messages, answers `flood N` with N messages of 100 bytes, and
 * obeys single lines on stdin: `kill` cuts every socket, `dials` prints when
 * each dial came, in milliseconds, and forgets them.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { createInterface } from "node:readline"
import { WebSocketServer } from "ws"

const filler = "x".repeat(100)
const dials: Array<number> = []
const http = createServer()
http.on("upgrade", () => dials.push(performance.now()))
const server = new WebSocketServer({ server: http, perMessageDeflate: false })
server.on("connection", (socket) => {
  socket.on("error", () => undefined)
  socket.on("message", (data: Buffer, isBinary) => {
    const flood = isBinary ? null : /^flood (\d+)$/.exec(data.toString())
    if (flood === null) return socket.send(data, { binary: isBinary })
    for (let left = Number(flood[1]); left > 0; left--) socket.send(filler)
  })
})

const commands: Readonly<Record<string, () => void>> = {
  kill: () => {
    for (const socket of server.clients) socket.terminate()
  },
  dials: () => process.stdout.write(`${JSON.stringify(dials.splice(0))}\n`)
}

createInterface({ input: process.stdin }).on("line", (line) => commands[line]?.())
http.listen(0, "127.0.0.1", 4_096, () => process.stdout.write(`${(http.address() as AddressInfo).port}\n`))
