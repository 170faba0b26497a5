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

export const inbound: Bench = {
  name: "inbound",
  title: "Inbound, text frames, messages that reach the consumer",
  run: async ({ quick, rounds }) => {
    const server = await startServer()
    const times = quick ? { warmMillis: 500, millis: 400 } : { warmMillis: 800, millis: 1_000 }
    const contender = (size: number, subject: string, note?: string): Contender => ({
      label: size === 128 ? subject : `${subject}, ${size / 1_024} KiB`,
      note,
      run: () => {
        const params: Params = { url: loopback(server.port, `/flood?size=${size}`), ...times }
        return runSubject<Result>("inbound", subject, params)
      }
    })
    const compare = (size: number, notes: typeof peers) =>
      interleaved(
        "inbound",
        rounds,
        contender(size, "raw ws"),
        Object.entries(notes).map(([subject, note]) => contender(size, subject, note)),
        "/s"
      )
    const figures = [...(await compare(128, peers)), ...(await compare(4_096, large))]
    await server.kill()
    return figures
  }
}
