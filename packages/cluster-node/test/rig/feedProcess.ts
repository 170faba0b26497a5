/**
 * The server of all feeds, as a process of its own: it sends to every socket
 * twice a second, and has a judge who watches them all.
 */
import { WebSocketServer } from "ws"
import { answering } from "./ipc.ts"
import { Judge } from "./judge.ts"

const judge = new Judge()
const server = new WebSocketServer({ host: "127.0.0.1", port: 0 })

server.on("connection", (socket, request) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "ws://feed")
  const id = judge.opened(pathname.slice(1), searchParams.get("holder") ?? "", Number(searchParams.get("epoch")))
  socket.on("message", () => judge.frame(id))
  socket.on("close", () => judge.closed(id))
  socket.on("error", () => {})
})

setInterval(() => {
  const message = JSON.stringify({ at: Date.now() })
  for (const socket of server.clients) socket.send(message)
}, 500)

const listening = new Promise<number>((resolve) => {
  server.once("listening", () => resolve((server.address() as { readonly port: number }).port))
})

answering({
  port: () => listening,
  verdict: () => judge.verdict(),
  forget: () => judge.forget()
})
