/**
 * Inbound throughput: a flood of text frames, and what reaches the consumer.
 */
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { type Contender, interleaved } from "../harness/figures.ts"
import { runSubject, startServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/inbound.ts"

const unsupervised = "no supervision, no heartbeat, no typed stream"
const reconnecting = "reconnects, but no heartbeat and no backpressure; callbacks"

const peers: Readonly<Record<string, string | undefined>> = {
  "Node's WebSocket": unsupervised,
  "partysocket": reconnecting,
  "reconnecting-websocket": reconnecting,
  "rxjs webSocket": "no reconnect of its own, no heartbeat, no backpressure",
  "@atproto/ws-client": "reconnects, heartbeat and backpressure; an async iterator, one message at a time",
  "Effect Socket, stream by arrays": "no supervision, no heartbeat; the stream is of bytes",
  "Effect Socket, stream of strings by arrays": "no supervision, no heartbeat",
  "Effect Socket, string reader": "no supervision, no heartbeat, no stream",
  "kharbranth, by arrays": undefined,
  "kharbranth, runForEach": undefined,
  "kharbranth, map + filter + runForEach": undefined
}

const large: Readonly<Record<string, string | undefined>> = {
  "Effect Socket, string reader": "no supervision, no heartbeat",
  "kharbranth, by arrays": undefined
}

/** A feed of JSON of which one message in ten is wanted. */
const unread: typeof peers = {
  "kharbranth, one text in ten parsed": undefined,
  "kharbranth, one lazy text in ten parsed": undefined
}

/** What the server sends, and how its rows are told from the others. */
interface Load {
  readonly path: string
  readonly suffix: string
}

export const inbound: Bench = {
  name: "inbound",
  title: "Inbound, text frames, messages that reach the consumer",
  run: async ({ quick, rounds }) => {
    const server = await startServer()
    const times = quick ? { warmMillis: 500, millis: 400 } : { warmMillis: 800, millis: 1_000 }
    const contender = ({ path, suffix }: Load, subject: string, note?: string): Contender => ({
      label: subject + suffix,
      note,
      run: () => {
        const params: Params = { url: loopback(server.port, path), ...times }
        return runSubject<Result>("inbound", subject, params)
      }
    })
    const compare = (load: Load, baseline: string, notes: typeof peers) =>
      interleaved(
        "inbound",
        rounds,
        contender(load, baseline),
        Object.entries(notes).map(([subject, note]) => contender(load, subject, note)),
        "/s"
      )
    const figures = [
      ...(await compare({ path: "/flood?size=128", suffix: "" }, "raw ws", peers)),
      ...(await compare({ path: "/flood?size=4096", suffix: ", 4 KiB" }, "raw ws", large)),
      ...(await compare({ path: "/feed", suffix: "" }, "raw ws, all parsed", unread)),
      ...(await compare({ path: "/feed?symbol=%E2%82%BFUSDT", suffix: ", not ASCII" }, "raw ws, all parsed", unread))
    ]
    await server.kill()
    return figures
  }
}
