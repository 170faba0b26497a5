/** The bench's viewer: a WebSocket client that reads each frame as a page does, in a process of its own. */
import { noWindow, type Window, windowAfter } from "../src/internal/wire/copy.ts"
import type { Frame, Request, View } from "../src/internal/wire/wire.ts"
import { path, subprotocol } from "../src/internal/wire/wire.ts"
import { WebSocket } from "ws"

export type ToViewer =
  | { readonly t: "look"; readonly view: View }
  /** Reports when a row of this name shows another session than now. */
  | { readonly t: "await"; readonly name: string }

export type FromViewer =
  | { readonly t: "looks" }
  | { readonly t: "awaits" }
  /** Unix milliseconds. */
  | { readonly t: "seen"; readonly at: number }

if (import.meta.filename === process.argv[1]) {
  const [port = "", token = ""] = process.argv.slice(2)
  const tell = (message: FromViewer): void => void process.send?.(message)
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, subprotocol, {
    headers: { cookie: `kharbranth-devtools-${port}=${token}`, origin: `http://127.0.0.1:${port}` }
  })
  const states = new Map<string, string>()
  let awaited: string | undefined
  let window: Window = noWindow
  const sightOf = (frame: Frame): void => {
    if (frame.t !== "rows" && frame.t !== "changes") return
    const next = windowAfter(window, frame)
    if (next === undefined) throw new Error("a frame of rows is missing")
    window = next
    for (const { detail, epoch, name, state } of window.rows) {
      const now = `${state} ${detail} ${epoch}`
      const before = states.get(name)
      states.set(name, now)
      if (name !== awaited || before === undefined || before === now) continue
      awaited = undefined
      tell({ t: "seen", at: Date.now() })
    }
  }
  socket.on("message", (data: Buffer) => sightOf(JSON.parse(data.toString()) as Frame))
  process.on("message", (message: ToViewer) => {
    if (message.t === "await") {
      awaited = message.name
      return tell({ t: "awaits" })
    }
    const request: Request = { t: "view", view: message.view }
    const begin = (): void => {
      socket.send(JSON.stringify(request))
      tell({ t: "looks" })
    }
    if (socket.readyState === WebSocket.OPEN) begin()
    else socket.once("open", begin)
  })
}
