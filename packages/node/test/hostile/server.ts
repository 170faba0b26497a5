/**
 * A server that breaks every rule, one per path. It runs as a process of its
 * own, so that its memory and its stalls are not the client's: it prints its
 * port, and stops when its standard input ends.
 */
import { createServer } from "node:net"
import { behaviours, deaf } from "./behaviours.ts"

const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined)
  let text = ""
  const onData = (chunk: Buffer) => {
    text += chunk.toString("latin1")
    if (!text.includes("\r\n\r\n")) return
    socket.off("data", onData)
    const path = (text.split(" ", 2)[1] ?? "").split("?", 1)[0] ?? ""
    const key = /^sec-websocket-key: (.*)\r$/im.exec(text)?.[1] ?? ""
    if (!deaf.has(path)) socket.on("end", () => socket.end())
    const behaviour = behaviours[path]
    if (behaviour === undefined) socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
    else behaviour(socket, { path, key })
  }
  socket.on("data", onData)
})

server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`)
})
process.stdin.on("end", () => process.exit(0)).resume()
