/**
 * A server process for tests that kill or stop it. Every message is a sequence
 * number; it is appended to the log file synchronously, and only then
 * acknowledged, so what was acknowledged survives a `kill -9`.
 *
 * Arguments: the log file, and the port (0: any). Prints the port.
 */
import { appendFileSync } from "node:fs"
import { WebSocketServer } from "ws"
import type { ServerEntry } from "./history.ts"

const [, , file = "", port = "0"] = process.argv
const log = (entry: ServerEntry): void => appendFileSync(file, `${JSON.stringify(entry)}\n`)

let connections = 0
const server = new WebSocketServer({ host: "127.0.0.1", port: Number(port) })
server.on("connection", (ws) => {
  // unique across restarts, so that the log can tell connections of two lives apart
  const conn = `${process.pid}.${++connections}`
  log({ e: "open", conn, t: Date.now() })
  ws.on("error", () => undefined)
  ws.on("message", (data: Buffer) => {
    const n = Number(data.toString())
    log({ e: "recv", conn, n, t: Date.now() })
    ws.send(`ack ${n}`)
  })
  ws.on("close", () => log({ e: "close", conn, t: Date.now() }))
})
server.on("listening", () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`)
})
process.stdin.on("end", () => process.exit(0)).resume()
