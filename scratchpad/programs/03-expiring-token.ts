/** A token that the server has forgotten: the target is asked for a fresh one, and the dial succeeds. */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import type { AddressInfo } from "node:net"
import { WebSocketServer } from "ws"

const server = new WebSocketServer({
  port: 0,
  verifyClient: ({ req }, answer) => answer(req.headers.authorization === "Bearer 2", 401)
})

let issued = 1
const target = ({ refresh }: { readonly refresh: boolean }) =>
  Effect.sync(() => ({
    url: `ws://localhost:${(server.address() as AddressInfo).port}/`,
    headers: { authorization: Redacted.make(`Bearer ${refresh ? ++issued : issued}`) }
  }))

const program = Effect.gen(function* () {
  const connection = yield* Connection.make("private", { target, reconnect: Reconnect.prompt })
  yield* Effect.log(connection.state.getUnsafe()._tag, `with token ${issued}`)
})

await program.pipe(Effect.scoped, Effect.provide(NodeTransport.layer), Effect.runPromise)
server.close()
