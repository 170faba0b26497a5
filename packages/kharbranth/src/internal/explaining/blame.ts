/**
 * Whose trouble an error is. What an error says of itself decides; where it says
 * little, what is known of the session around it does.
 */
import type { PlainError } from "../../Recorder.ts"
import type { Blame } from "../../Why.ts"
import { chainOf, type Facts, is, isClock, type Loss } from "./facts.ts"

/** By the phase in which a dial hung. */
const byPhase: Readonly<Record<string, Blame>> = {
  target: "configuration",
  dns: "network",
  tcp: "network",
  proxy: "configuration",
  tls: "server",
  http: "server",
  connect: "network",
  open: "server"
}

const byKind: Readonly<Record<string, Blame>> = {
  dns: "this machine",
  refused: "server",
  reset: "server",
  unreachable: "network",
  local: "this machine",
  proxy: "configuration",
  protocol: "configuration",
  breaker: "server",
  unknown: "network"
}

const byStatus = (status: number): Blame => {
  if (status === 401 || status === 403 || status === 407) return "credentials"
  return status >= 300 && status < 500 && status !== 408 && status !== 429 ? "configuration" : "server"
}

const byCode = (code: number): Blame => {
  if (code === 1008) return "credentials"
  return code === 1003 || code === 1009 || code === 1010 ? "configuration" : "server"
}

const text = ({ fields }: PlainError, name: string): string => String(fields[name] ?? "")
const number = ({ fields }: PlainError, name: string): number => Number(fields[name] ?? 0)

/** A certificate that the server let expire, or that is another's; an authority that nobody named is ours. */
const ofCertificate = (code: string): Blame => (/EXPIRED|ALTNAME|REVOKED/.test(code) ? "server" : "configuration")

const ofError = (error: PlainError): Blame | undefined => {
  switch (error.tag) {
    case "HandshakeRejected":
      return byStatus(number(error, "status"))
    case "ConnectionClosed":
      return text(error, "initiator") === "client" ? undefined : byCode(number(error, "code"))
    case "DialTimeout":
      return byPhase[text(error, "phase")] ?? "network"
    case "DialFailed":
      return byKind[text(error, "kind")] ?? "network"
    case "TlsError":
      return ofCertificate(text(error, "code"))
    case "ProtocolError":
      return "server"
    case "OpenFailed":
      return text(error, "cause") === "timeout" ? "server" : "configuration"
    case "InboxOverflow":
      return "your reader"
    case "ConnectionDropped":
    case "ReadError":
    case "WriteError":
    case "PongReceiveTimeout":
    case "PingFailed":
    case "IdleTimeout":
      return "network"
    default:
      return "configuration"
  }
}

/** A probe that was sent because this machine had stood still. */
const wasAsleep = (facts: Facts, { entry }: Loss): boolean =>
  chainOf(facts, entry).some((cause) => is("Suspected")(cause) && isClock(cause))

/** How soon after it opened an end says that the server did not want it. */
const atOnce = 1000

/** A server that takes a dial and then cuts it, or never answers a probe of it, was reached: it is no matter of the path. */
const wasReached = ({ answered, attempt, entry, error, opened }: Loss, before: Loss | undefined): boolean => {
  if (!opened || before === undefined) return false
  if (error.tag === "ConnectionDropped" || error.tag === "ReadError") return entry.event.lived < atOnce
  return error.tag === "PongReceiveTimeout" && !answered && before.error.tag === error.tag && attempt !== undefined
}

export const blameOfLoss = (facts: Facts, loss: Loss): Blame | undefined => {
  const before = facts.losses[facts.losses.indexOf(loss) - 1]
  if (wasAsleep(facts, loss)) return "this machine"
  return wasReached(loss, before) ? "server" : ofError(loss.error)
}

/** The loss that explains the present: the last one, if it says anything. */
export const decisive = ({ losses, outage }: Facts): Loss | undefined => outage.at(-1) ?? losses.at(-1)

export const blameOf = (facts: Facts): Blame | undefined => {
  const { paused, recording, senders } = facts
  const { state } = recording
  if (state._tag === "Failed" && ofError(state.error) === "your reader") return "your reader"
  if (paused !== undefined && state._tag === "Connected") return "your reader"
  const loss = decisive(facts)
  if (loss !== undefined) return blameOfLoss(facts, loss)
  if (senders?.event.for === "writeMark") return "server"
  if (senders?.event.for === "rateLimit") return "configuration"
  if (facts.budget !== undefined) return facts.budget.event.reason === "retryAfter" ? "server" : "configuration"
  return state._tag === "Failed" ? ofError(state.error) : undefined
}
