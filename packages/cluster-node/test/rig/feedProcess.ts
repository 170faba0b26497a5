/**
 * The server of all feeds, as a process of its own: it sends a numbered beat to
 * every socket twice a second, answers what is said to it, and has a judge who
 * watches them all.
 */
import { WebSocketServer } from "ws"
import type { Message } from "./feedKind.ts"
import { answering } from "./ipc.ts"
import { Judge } from "./judge.ts"
import type { FeedConfig } from "./rig.ts"

const config = JSON.parse(process.argv[2] ?? "{}") as FeedConfig
const judge = new Judge()
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, backlog: 4_096 })

server.on("connection", (socket, request) => {
  const { pathname, searchParams } = new URL(request.url ?? "/", "ws://feed")
  const id = judge.opened(pathname.slice(1), searchParams.get("holder") ?? "", Number(searchParams.get("epoch")))
  socket.on("message", (data: Buffer) => {
    judge.frame(id)
    const { say } = JSON.parse(data.toString()) as { readonly say?: string }
    if (say !== undefined) socket.send(JSON.stringify({ at: Date.now(), said: say } satisfies Message))
  })
  socket.on("close", () => judge.closed(id))
  socket.on("error", () => {})
})

let beats = 0
const beat = (): void => {
  const message = JSON.stringify({ at: Date.now(), n: beats++ } satisfies Message)
  for (const socket of server.clients) socket.send(message)
}
if (!config.isQuiet) setInterval(beat, 500)

const listening = new Promise<number>((resolve) => {
  server.once("listening", () => resolve((server.address() as { readonly port: number }).port))
})

answering({
  port: () => listening,
  verdict: () => judge.verdict(),
  forget: () => judge.forget()
})
