/**
 * How dials that go through no proxy get their sockets: an agent for `ws:`, a
 * function for `wss:`.
 *
 * Without an agent Node copies the thirty options of a request once more, into
 * a dictionary, before it connects: a tenth of what opening costs. An agent is
 * handed the request as it is.
 */
import type * as Http from "node:http"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { openShared } from "../link/sharedRead.ts"

interface Options {
  readonly host: string
  readonly port: number | string
  readonly localAddress?: string | undefined
}

// A request that was given up before it got its socket gives it back, as to a pool; there is none.
function onFree(this: Net.Socket): void {
  this.destroy()
}

const agent = {
  addRequest(request: Http.ClientRequest, { host, localAddress, port }: Options): void {
    const address = { host, port: Number(port) }
    const from = localAddress === undefined ? address : { ...address, localAddress }
    const socket = openShared((shared) => Net.connect({ ...from, ...shared }))
    socket.on("free", onFree)
    request.onSocket(socket)
  }
}

/** What Node asks of an agent is this one method; its type asks for the pool as well. */
export const directAgent = agent as unknown as Http.Agent

/** Connects over TLS; asks for the host by its name, if it has one. */
const connectTls = (options: Tls.ConnectionOptions): Tls.TLSSocket => {
  const { host = "", servername = Net.isIP(host) === 0 ? host : "" } = options
  return openShared((shared) => Tls.connect({ ...options, ...shared, path: undefined, servername }))
}

/** Node calls it in one way; its type declares all the ways in which one may connect. */
export const createConnection = connectTls as unknown as NonNullable<Http.RequestOptions["createConnection"]>
