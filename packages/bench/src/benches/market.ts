/**
 * Whole feeds on real sockets: 200 topics of an exchange that sends as fast as its
 * clients read, in frames a CPU second, against a client on raw `ws` that parses
 * each frame and calls a function by its topic.
 */
import { loopback } from "../harness/address.ts"
import type { Bench } from "../harness/bench.ts"
import { type Figure, interleaved } from "../harness/figures.ts"
import { runSubject, type Server, withServer } from "../harness/process.ts"
import type { Params, Result } from "../subjects/market.ts"

interface Load {
  readonly venue: string
  readonly load: Params["load"]
  readonly subjects: ReadonlyArray<string>
}

const oneInTen = ["one topic in ten read", "one topic in ten read, in one stream"]
const all = ["all read", "all read, in one stream"]
const mixed = ["all held", ...oneInTen, ...all]
/** The client beside it keeps no books either: this is equal work, but for the marks of trades. */
const events = [...all, "all read, in one stream, checked by Schema"]

const loads: ReadonlyArray<Load> = [
  { venue: "bybit", load: "mixed", subjects: mixed },
  { venue: "bybit", load: "trades and tickers", subjects: events },
  { venue: "bybit", load: "books", subjects: ["all books kept"] },
  { venue: "okx", load: "mixed", subjects: mixed },
  { venue: "okx", load: "trades and tickers", subjects: events },
  { venue: "okx", load: "books", subjects: ["all books kept"] },
  // Its books begin over HTTP, which this exchange does not speak.
  { venue: "binance", load: "trades and tickers", subjects: ["all held", ...oneInTen, ...events] }
]

export const market: Bench = {
  name: "market",
  title: "Whole feeds of 200 topics on real sockets, in frames a CPU second, against raw ws that parses each frame",
  run: ({ quick, rounds }) =>
    withServer(async (server: Server) => {
      const figures: Array<Figure> = []
      // Code that one frame in ten needs is compiled for good no sooner than this.
      const amounts = quick ? { warmMillis: 200, millis: 200 } : { warmMillis: 3_000, millis: 2_000 }
      for (const { load, subjects, venue } of loads) {
        const contender = (subject: string) => ({
          label: `${venue}, ${load}: ${subject}`,
          run: () => {
            const params: Params = { url: loopback(server.port, ""), venue, load, ...amounts }
            return runSubject<Result>("market", subject, params)
          }
        })
        figures.push(
          ...(await interleaved("market", rounds, contender("ws, all parsed"), subjects.map(contender), "/s"))
        )
      }
      return figures
    })
}
