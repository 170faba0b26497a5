/**
 * What the figures are held to. A figure whose whole interval is beyond `hard`
 * fails `--check`; `goal` is what we are after. All in the figure's own unit.
 */

export interface Bar {
  readonly bench: string
  readonly label: string
  /** Whether more is better, or less. */
  readonly better: "more" | "less"
  readonly hard: number
  readonly goal?: number | undefined
}

const more = (bench: string, label: string, hard: number, goal?: number): Bar => ({
  bench,
  label,
  better: "more",
  hard,
  goal
})

const less = (bench: string, label: string, hard: number, goal?: number): Bar => ({
  bench,
  label,
  better: "less",
  hard,
  goal
})

export const bars: ReadonlyArray<Bar> = [
  more("inbound", "kharbranth, by arrays", 1.6, 2.2),
  more("inbound", "kharbranth, runForEach", 1.2, 1.8),
  more("inbound", "kharbranth, map + filter + runForEach", 0.55, 0.7),
  more("inbound", "kharbranth, by arrays, 4 KiB", 1.3, 2),
  more("inbound", "kharbranth, one lazy text in ten parsed", 4, 10),
  more("outbound", "kharbranth, sink fed in arrays", 2, 2.8),
  more("outbound", "kharbranth, sink fed in arrays, against strings corked to 16 KiB", 1, 1.1),
  more("outbound", "kharbranth, sink fed in arrays, against Buffers corked to 16 KiB", 0.75, 1),
  more("outbound", "kharbranth, 1,000 concurrent sends", 1.8, 2.4),
  more("outbound", "kharbranth, one awaited send at a time", 0.75, 0.9),
  less("traffic", "500 × 20/s: kharbranth, Codec.json", 1.15, 1),
  less("traffic", "500 × 20/s: kharbranth, a manager's messages", 1.3, 1.1),
  less("traffic", "50 × 400/s in bursts of 20: kharbranth, Codec.json", 1.08, 1),
  less("traffic", "50 × 400/s in bursts of 20: kharbranth, a manager's messages", 1.2, 1.05),
  less("traffic", "2,000 × 1/s: kharbranth, Codec.json", 1.35, 1.15),
  less("traffic", "2,000 × 1/s: kharbranth, a manager's messages", 1.5, 1.25),
  less("traffic", "1 × 20,000/s of 4 KiB: kharbranth, Codec.json", 1, 0.8),
  less("traffic", "1 × 20,000/s of 4 KiB: kharbranth, Codec.json, p99 of the delay", 2, 1.2),
  less("traffic", "500 × 20/s over TLS: kharbranth, Codec.json", 1.15, 1),
  less("traffic", "500 × 20/s, not ASCII: kharbranth, Codec.json", 1.15, 1),
  less("latency", "kharbranth, p50", 1.12, 1.05),
  less("latency", "kharbranth, p99", 1.35, 1.15),
  less("idle", "kharbranth, heap each beyond raw ws", 10, 5),
  less("idle", "kharbranth, a reader each, heap each beyond raw ws", 7, 4),
  less("idle", "kharbranth, a reader each, 5,000 opened, by CPU", 1.7, 1.3),
  less("idle", "kharbranth, CPU against a ping timer", 3),
  less("idle", "kharbranth, 10,000 opened", 1.5),
  less("idle", "kharbranth, left after closing", 0),
  less("idle", "sockets left at the server", 0),
  // the default high-water mark and one read of the socket
  less("pressure", "slow consumer, most bytes unread", 128),
  less("pressure", "slow consumer, growth of memory", 16),
  // the outbox's default bound
  less("pressure", "slow server, most bytes in the outbox", 16_384),
  less("faults", "half-open noticed, of interval + timeout", 1.1),
  less("faults", "Ready after the pending retry was due", 50),
  less("faults", "sessions lost to a dripping 1 MB message", 0),
  less("manager", "named connections, opened", 1.6),
  less("manager", "snapshot of all", 20),
  less("manager", "left after closing", 0),
  less("manager", "most dials in any second", 200),
  less("manager", "all Ready again, of the least that the budget allows", 1.2),
  less("manager", "left after a cut and closing", 0),
  less("manager", "lookup, among 100 times more", 1.5, 1.1),
  less("manager", "send by name, among 100 times more", 1.5, 1.1),
  less("manager", "state change, among 100 times more", 1.5, 1.1),
  more("manager", "messages of 100 busy connections, against single streams", 0.7),
  more("signalr", "kharbranth, sequential invokes", 1),
  more("signalr", "kharbranth, pipelined invokes", 1.5),
  more("signalr", "kharbranth, streamed items", 1.5),
  // the default bound of waiting items and a few reads of the socket
  less("signalr", "kharbranth, slow reader, growth of the heap", 8),
  more("recorder", "inbound by CPU, recorded", 0.97, 0.99),
  less("recorder", "heap of a quiet connection's recording", 3),
  more("alone", "layerLocal's manager, messages in, by manager.messages", 0.98, 1),
  more("alone", "layerLocal's manager, messages in, by a reader", 0.98, 1),
  more("alone", "layerLocal's manager, 1,000 names opened and closed", 0.97, 1),
  less("alone", "layerLocal's manager, heap of a read name beyond a manager's", 0.2, 0.1),
  more("alone", "layerLocal's Fleet, messages in, by a reader", 0.88, 0.95),
  more("alone", "layerLocal's Fleet, 1,000 names opened and closed", 0.75, 0.9),
  less("alone", "layerLocal's Fleet, heap of a read name beyond a manager's", 10, 8),
  more("feeds", "one topic in ten read", 4, 10),
  more("feeds", "all read", 0.9),
  ...["bybit, mixed", "okx, mixed", "binance, trades and tickers"].flatMap((load) => [
    more("market", `${load}: one topic in ten read`, 4, 10),
    more("market", `${load}: all read`, 0.9)
  ])
]

/** One subject that must stay this many times ahead of others of the same bench. */
export interface Lead {
  readonly bench: string
  readonly label: string
  readonly over: ReadonlyArray<string>
  readonly times: number
}

export const leads: ReadonlyArray<Lead> = [
  {
    // a stream against a stream; the socket's bare reader is in the table, but is none
    bench: "inbound",
    label: "kharbranth, by arrays",
    over: ["Effect Socket, stream by arrays", "Effect Socket, stream of strings by arrays"],
    times: 3
  },
  {
    // equal work: supervised, a heartbeat, a typed stream or iterator with backpressure
    bench: "inbound",
    label: "kharbranth, runForEach",
    over: ["@atproto/ws-client"],
    times: 1
  }
]
