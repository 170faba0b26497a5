/**
 * A TCP proxy that can stop forwarding, in one direction or both, without
 * closing anything: what a dead NAT entry or a pulled cable looks like to the
 * ends. While a direction is dark its bytes, and its end, wait in kernel buffers
 * as they would be waiting for retransmission, and arrive after the healing.
 */
import * as Effect from "effect/Effect"
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"

/** `lost` is dark both ways, and what dials then is never answered, as where the first packets of a dial were dropped. */
export type Dark = "none" | "both" | "toServer" | "toClient" | "lost"

export interface Blackhole {
  readonly port: number
  /** Makes directions dark, or heals them; for the open connections and the ones to come. */
  readonly set: (dark: Dark) => void
  /** Resets every open connection on both sides. */
  readonly reset: () => void
  /** How many connections were accepted so far. */
  readonly accepted: () => number
  /** How many that were lost as they began their client still holds open. */
  readonly unanswered: () => number
}

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
}

const flow = (from: Socket, lit: boolean): void => {
  if (lit) from.resume()
  else from.pause()
}

// by hand instead of `pipe`, which would resume a darkened side on its own
const forward = (from: Socket, to: Socket, isLit: () => boolean): void => {
  from.on("data", (chunk) => {
    if (!to.destroyed && !to.write(chunk)) from.pause()
  })
  to.on("drain", () => flow(from, isLit()))
  from.on("end", () => to.end())
  from.on("error", () => {
    if (isLit()) to.resetAndDestroy()
  })
}

const listen = (server: Server) =>
  Effect.callback<number>((resume) => {
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
  })

export const blackhole = Effect.fnUntraced(function* (targetPort: number) {
  const pairs = new Set<Pair>()
  const lost = new Set<Socket>()
  let dark: Dark = "none"
  let count = 0
  const toServer = () => dark === "none" || dark === "toClient"
  const toClient = () => dark === "none" || dark === "toServer"
  const apply = ({ client, upstream }: Pair) => {
    flow(client, toServer())
    flow(upstream, toClient())
  }
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    count++
    if (dark === "lost") {
      lost.add(client)
      client.on("error", () => undefined)
      client.on("end", () => client.destroy())
      client.on("close", () => lost.delete(client))
      // Their end is seen only where they are read.
      return void client.resume()
    }
    const upstream = connect({ port: targetPort, host: "127.0.0.1", allowHalfOpen: true })
    const pair = { client, upstream }
    pairs.add(pair)
    forward(client, upstream, toServer)
    forward(upstream, client, toClient)
    client.on("close", () => upstream.closed && pairs.delete(pair))
    upstream.on("close", () => client.closed && pairs.delete(pair))
    apply(pair)
  })
  const reset = () => {
    for (const client of lost) client.resetAndDestroy()
    for (const { client, upstream } of pairs) {
      client.resetAndDestroy()
      upstream.resetAndDestroy()
    }
  }
  const port = yield* Effect.acquireRelease(listen(server), () =>
    Effect.callback<void>((resume) => {
      reset()
      server.close(() => resume(Effect.void))
    })
  )
  return {
    port,
    set: (next: Dark) => {
      dark = next
      for (const pair of pairs) apply(pair)
    },
    reset,
    accepted: () => count,
    unanswered: () => lost.size
  } satisfies Blackhole
})
