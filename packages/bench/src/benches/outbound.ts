/**
 * Outbound: what a message costs, until the server has read everything; against
 * a plain loop, and in pairs with what one who knows `ws` well would write.
 */
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { type Contender, interleaved } from "../harness/figures.ts"
import { runSubject, startServer } from "../harness/process.ts"
import { maskedLength } from "../server/wire.ts"
import type { Params, Result } from "../subjects/outbound.ts"

const size = 128
const sink = "kharbranth, sink fed in arrays"
const loop = "a loop on bufferedAmount; no supervision of writes"

const subjects: Readonly<Record<string, string | undefined>> = {
  "raw ws, corked by 64": "reaches into the socket",
  "raw ws, corked to 16 KiB": "reaches into the socket; what one who knows `ws` well would write",
  "raw ws, corked to 64 KiB": "likewise",
  "raw ws, Buffers corked to 16 KiB": "likewise, and encoded before",
  "raw ws, Buffers corked to 64 KiB": "likewise, and encoded before",
  "raw ws, each send awaited": undefined,
  "Node's WebSocket": loop,
  "partysocket": loop,
  "reconnecting-websocket": loop,
  "rxjs webSocket": loop,
  "@atproto/ws-client": "each send awaited",
  "Effect Socket, write": "no backpressure, no supervision",
  "Effect Socket, writeAll by 64": "no backpressure, no supervision",
  [sink]: undefined,
  "kharbranth, 1,000 concurrent sends": undefined,
  "kharbranth, one awaited send at a time": undefined
}

/** What the sink is compared with once more, sample by sample. */
const skilled: Readonly<Record<string, string>> = {
  "raw ws, corked to 16 KiB": "strings corked to 16 KiB",
  "raw ws, Buffers corked to 16 KiB": "Buffers corked to 16 KiB"
}

export const outbound: Bench = {
  name: "outbound",
  title: "Outbound, 128 B text, against a loop of ws.send with backpressure",
  run: async ({ quick, rounds }) => {
    const server = await startServer()
    // whole numbers of batches of 64 and of 1,000, so that every subject sends exactly this many
    const counts = quick ? { warm: 32_000, count: 64_000 } : { warm: 64_000, count: 192_000 }
    const bytes = maskedLength(size)
    const marks = [counts.warm * bytes, (counts.warm + counts.count) * bytes].join(",")
    const contender = (subject: string, note?: string, label = subject): Contender => ({
      label,
      note,
      run: () => {
        const params: Params = { url: loopback(server.port, `/drain?marks=${marks}`), size, ...counts }
        return runSubject<Result>("outbound", subject, params)
      }
    })
    const compare = (baseline: string, contenders: ReadonlyArray<Contender>) =>
      interleaved("outbound", rounds, contender(baseline), contenders, "/s")
    const figures = [
      ...(await compare(
        "raw ws",
        Object.entries(subjects).map(([subject, note]) => contender(subject, note))
      ))
    ]
    for (const [baseline, name] of Object.entries(skilled)) {
      const [, own] = await compare(baseline, [contender(sink, undefined, `${sink}, against ${name}`)])
      if (own !== undefined) figures.push(own)
    }
    await server.kill()
    return figures
  }
}
