/**
 * A TCP proxy that, once told to, flips a bit in everything the server sends.
 */
import * as Effect from "effect/Effect"
import { type AddressInfo, createConnection, createServer } from "node:net"

export const tampering = Effect.fnUntraced(function* (targetPort: number) {
  let broken = false
  const server = createServer((client) => {
    const upstream = createConnection({ host: "127.0.0.1", port: targetPort })
    client.pipe(upstream)
    upstream.on("data", (chunk) => {
      if (broken) chunk[chunk.length - 1]! ^= 1
      client.write(chunk)
    })
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client]
    ] as const) {
      socket.on("error", () => undefined)
      socket.on("close", () => other.destroy())
    }
  })
  const port = yield* Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as AddressInfo).port)))
    }),
    () => Effect.sync(() => server.close())
  )
  return { port, tamper: () => void (broken = true) }
})
