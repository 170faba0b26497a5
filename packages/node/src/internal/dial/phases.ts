/**
 * Where a dial is: follows its socket from the name to the answer, so that a dial
 * that hangs can say in what.
 */
import type { DialPhase } from "kharbranth/ConnectionError"
import type * as Http from "node:http"
import * as Net from "node:net"

/** What sends a request: by the time its socket reports something, the attempt is known. */
interface Sender {
  readonly attempt: { enter(phase: DialPhase): void } | undefined
}

/** The phase that a dial begins with. */
export const first = ({ hostname }: URL, isTunnelled: boolean): DialPhase => {
  if (isTunnelled) return "proxy"
  return Net.isIP(hostname.replaceAll(/[[\]]/g, "")) === 0 ? "dns" : "tcp"
}

/** The phase that follows once there is a path to the server. */
export const connected = ({ protocol }: URL): DialPhase => (protocol === "wss:" ? "tls" : "http")

/**
 * Sends the request, and follows the socket that it gets. It listens only to what
 * the socket will report: what never comes would keep the dial as long as the link.
 */
export const send = (request: Http.ClientRequest, sender: unknown): void => {
  const enter = (phase: DialPhase) => (sender as Sender).attempt?.enter(phase)
  request.once("socket", (socket) => {
    const isSecure = "encrypted" in socket
    if (Net.isIP(request.host) === 0) socket.once("lookup", (error: Error | null) => error ?? enter("tcp"))
    socket.once("connect", () => enter(isSecure ? "tls" : "http"))
    if (isSecure) socket.once("secureConnect", () => enter("http"))
  })
  request.end()
}
