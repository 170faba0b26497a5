/**
 * One dial on its way: it travels to the server, hears the answer, and becomes
 * a socket or an error. It can be abandoned at any point.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../ConnectionError.ts"
import type * as Transport from "../../Transport.ts"
import type { Answer, Request } from "../TestServer.ts"
import type { Agenda, Task } from "./agenda.ts"
import type { Conditions } from "./conditions.ts"
import { isBlocked } from "./conditions.ts"
import type { Socket } from "./socket.ts"

/** What an attempt needs of the network around it. */
export interface Surroundings {
  readonly agenda: Agenda
  /** Whether the platform tells why a dial failed. */
  readonly tells: boolean
  conditions(): Conditions
  /** The phase in which the dial is lost before it has reached the server. */
  lostIn(request: Request): ConnectionError.DialPhase | undefined
  /** Asks the server; the answer may come later. Returns how to stop asking. */
  ask(request: Request, answer: (answer: Answer) => void): () => void
  /** Makes the socket at the server and starts its script. */
  accept(attempt: Attempt, protocol: string | undefined): Socket
  /** Lets it knock again when something about the host has changed. */
  park(attempt: Attempt): void
  /** Calls `f` as soon as the client's process runs. */
  toClient(f: () => void): void
  failed(attempt: Attempt, error: ConnectionError.DialError): void
  opened(attempt: Attempt, socket: Socket): void
  abandoned(attempt: Attempt): void
}

type Resume = (effect: Effect.Effect<Transport.Link, ConnectionError.DialError>) => void

// How the platforms call these failures.
const codes: Record<ConnectionError.DialFailure, string> = {
  dns: "ENOTFOUND",
  refused: "ECONNREFUSED",
  reset: "ECONNRESET",
  unreachable: "ENETUNREACH",
  local: "EMFILE",
  proxy: "EPROXY",
  protocol: "EPROTO",
  breaker: "EBREAKER",
  unknown: "unknown"
}

// Where they happen on the way.
const phases: Partial<Record<ConnectionError.DialFailure, ConnectionError.DialPhase>> = {
  dns: "dns",
  refused: "tcp",
  reset: "tcp",
  unreachable: "tcp",
  local: "tcp",
  proxy: "proxy",
  protocol: "http"
}

export class Attempt {
  readonly request: Request
  readonly dial: Transport.Dial
  readonly receiver: Transport.Receiver
  private readonly around: Surroundings
  private state: "idle" | "dialing" | "open" | "over" = "idle"
  private resume: Resume | undefined
  private task: Task | undefined
  private stopAsking: (() => void) | undefined
  private socket: Socket | undefined

  constructor(around: Surroundings, request: Request, dial: Transport.Dial, receiver: Transport.Receiver) {
    this.around = around
    this.request = request
    this.dial = dial
    this.receiver = receiver
  }

  private isDialing(): boolean {
    return this.state === "dialing"
  }

  start(resume: Resume): void {
    this.state = "dialing"
    this.resume = resume
    this.knock()
  }

  /** Sends the first packet, or waits until the path is there. */
  knock(): void {
    if (this.state !== "dialing" || this.socket !== undefined) return
    const now = this.around.conditions()
    this.enter("tcp")
    if (isBlocked(now)) return this.around.park(this)
    const lost = this.around.lostIn(this.request)
    if (lost !== undefined) return this.enter(lost)
    const { door } = now
    const trip = now.up.latency + now.down.latency
    if (door?._tag === "Hang") return this.enter("http")
    if (door?._tag === "Refuse" && door.kind === "dns") this.enter("dns")
    if (door?._tag === "Refuse") return this.later(trip, () => this.fail(this.unreachable(door.kind)))
    if (door?._tag === "TlsFailure") return this.later(2 * trip, () => this.fail(this.tlsFailure(door.code)))
    const { reached } = this.receiver
    if (reached === undefined || !this.around.tells) return this.later(trip + now.up.latency, () => this.arrive())
    this.later(trip, () => {
      this.around.toClient(reached)
      this.later(now.up.latency, () => this.arrive())
    })
  }

  /** Gives up, whatever has come of it. */
  dispose(): void {
    const { state } = this
    this.state = "over"
    if (this.task !== undefined) this.around.agenda.cancel(this.task)
    this.stopAsking?.()
    if (state === "dialing") {
      this.socket?.abandon()
      this.around.abandoned(this)
    } else if (state === "open") this.socket?.terminate(true)
  }

  private later(millis: number, f: () => void): void {
    this.task = this.around.agenda.after(millis, f)
  }

  private arrive(): void {
    const now = this.around.conditions()
    if (isBlocked(now)) return this.around.park(this)
    const { door } = now
    this.enter("http")
    if (door?._tag === "Hang") return
    if (door?._tag === "Reject") {
      const { retryAfterMillis: millis, status } = door
      const retryAfter = millis === undefined ? undefined : Duration.millis(millis)
      return this.hear({ _tag: "Reject", status, retryAfter, headers: {}, body: "" })
    }
    const stop = this.around.ask(this.request, (answer) => this.hear(answer))
    // The dial may have been abandoned inside `ask`.
    if (this.isDialing()) this.stopAsking = stop
    else stop()
  }

  private hear(answer: Answer): void {
    if (this.state !== "dialing") return
    const back = this.around.conditions().down.latency
    switch (answer._tag) {
      case "Hang":
        return
      case "Refuse":
        return this.later(back, () => this.fail(this.unreachable(answer.kind)))
      case "TlsFailure":
        return this.later(back, () => this.fail(this.tlsFailure(answer.code)))
      case "Reject":
        return this.later(back, () => this.fail(this.rejected(answer)))
      case "Accept": {
        const { protocol } = answer
        if (protocol !== undefined && protocol !== "" && !this.dial.subprotocols.includes(protocol)) {
          return this.later(back, () => this.fail(this.unreachable("protocol")))
        }
        const socket = this.around.accept(this, protocol)
        if (this.isDialing()) this.socket = socket
        else socket.abandon()
        return
      }
    }
  }

  /** The server's acceptance has reached the client. */
  open(socket: Socket): void {
    if (this.state !== "dialing") return
    this.state = "open"
    this.around.opened(this, socket)
    this.resume?.(Effect.succeed(socket.link))
  }

  private fail(error: ConnectionError.DialError): void {
    this.around.toClient(() => {
      if (this.state !== "dialing") return
      this.state = "over"
      this.around.failed(this, error)
      this.resume?.(Effect.fail(error))
    })
  }

  private enter(phase: ConnectionError.DialPhase): void {
    if (this.around.tells) this.receiver.dialPhase?.(phase)
  }

  private endpoint(): string {
    return ConnectionError.endpointOf(this.dial.url)
  }

  private unreachable(kind: ConnectionError.DialFailure): ConnectionError.DialFailed {
    const told = this.around.tells ? kind : "unknown"
    const cause = ConnectionError.foreign({ code: codes[told] })
    const endpoint = this.endpoint()
    const phase = phases[told]
    return new ConnectionError.DialFailed({ connection: this.dial.connection, kind: told, phase, endpoint, cause })
  }

  private tlsFailure(code: string): ConnectionError.DialError {
    if (!this.around.tells) return this.unreachable("unknown")
    this.enter("tls")
    const cause = ConnectionError.foreign({ code })
    return new ConnectionError.TlsError({ connection: this.dial.connection, endpoint: this.endpoint(), code, cause })
  }

  private rejected(answer: Extract<Answer, { readonly _tag: "Reject" }>): ConnectionError.DialError {
    if (!this.around.tells) return this.unreachable("unknown")
    const { body, headers, retryAfter, status } = answer
    return new ConnectionError.HandshakeRejected({
      connection: this.dial.connection,
      endpoint: this.endpoint(),
      status,
      retryAfter: retryAfter === undefined ? undefined : Duration.fromInputUnsafe(retryAfter),
      response: Redacted.make({ headers, body })
    })
  }
}
