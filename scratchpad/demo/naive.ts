/**
 * The process of the naive client: the same venues, symbols and seed, without
 * limits, sequences or checks. Its books are audited like the others'.
 */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Rest from "@kharbranth/feeds/Rest"
import * as Topic from "@kharbranth/feeds/Topic"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as NaiveClient from "../../packages/feeds/test/support/naive.ts"
import { tradeIdsOf } from "../../packages/feeds/test/support/tradeIds.ts"
import { adapters } from "./adapters.ts"
import { type Addresses, followParent, type FromNaive, rewrite, type ToNaive, type VenueId, venueIds } from "./wire.ts"

const scope = Scope.makeUnsafe()
const running = new Map<VenueId, NaiveClient.NaiveClient>()

const say = (message: FromNaive): void => {
  if (process.connected) process.send?.(message)
}

const get = (addresses: Addresses) => (url: string) =>
  Effect.gen(function* () {
    const request = yield* Rest.Fetch
    const { body, status } = yield* request({ method: "GET", url: rewrite(addresses, url), maxBytes: 16 * 1024 * 1024 })
    return status === 200 ? body : yield* Effect.fail(status)
  })

const start = ({ addresses, symbols }: Extract<ToNaive, { readonly _tag: "start" }>) =>
  Effect.gen(function* () {
    for (const id of venueIds) {
      const venue = adapters[id]()
      const topics = symbols[id].flatMap((symbol) => [Topic.book(symbol), Topic.trades(symbol)])
      const client = yield* NaiveClient.run({
        venue,
        topics,
        address: (url) => rewrite(addresses, url),
        fetch: get(addresses)
      })
      running.set(id, client)
    }
  }).pipe(Effect.provide(NodeTransport.layer), Scope.provide(scope))

const report = (): FromNaive => {
  const sum = (of: (client: NaiveClient.NaiveClient) => number) =>
    [...running.values()].reduce((total, client) => total + of(client), 0)
  return {
    _tag: "report",
    dials: sum(({ counts }) => counts.dials),
    messages: sum(({ counts }) => counts.frames),
    undetected: sum(({ trades }) =>
      [...trades.values()].reduce((total, ids) => total + tradeIdsOf(ids).unmarkedGaps, 0)
    )
  }
}

followParent(scope)
process.on("message", (message: ToNaive) => {
  if (message._tag === "finish") say(report())
  else void Effect.runPromise(start(message))
})
setInterval(() => {
  for (const [venue, client] of running) say({ _tag: "books", venue, books: client.books(10) })
}, 2000).unref()
