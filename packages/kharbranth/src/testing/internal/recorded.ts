/** What became of the dials of a recording, and a server that repeats it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { DialFailure, DialPhase } from "../../ConnectionError.ts"
import type { Entry, PlainError, Recording } from "../../Recorder.ts"
import type { End, Fate, Options } from "../RecordedServer.ts"
import type { TestNetwork } from "../TestNetwork.ts"
import {
  accept,
  type Answer,
  failTls,
  hang,
  type Peer,
  refuse,
  reject,
  type Request,
  type Server
} from "../TestServer.ts"

type Event<Tag extends Entry["event"]["_tag"]> = Extract<Entry["event"], { readonly _tag: Tag }>
interface At<Tag extends Entry["event"]["_tag"]> {
  readonly at: number
  readonly event: Event<Tag>
}

/** The last entry of a kind of one epoch. */
const find = <Tag extends Entry["event"]["_tag"]>(
  entries: ReadonlyArray<Entry>,
  tag: Tag,
  epoch: number
): At<Tag> | undefined =>
  entries.findLast((entry) => entry.event._tag === tag && entry.epoch === epoch) as At<Tag> | undefined

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)

/** Phases that come before the server hears of a dial. */
const onTheWay: ReadonlyArray<unknown> = ["connect", "dns", "tcp", "proxy", "tls"] satisfies ReadonlyArray<DialPhase>

/** What a dial that failed was told; nothing for one that the network had no part in. */
const refusalOf = ({ fields, tag }: PlainError): Answer | undefined => {
  switch (tag) {
    case "HandshakeRejected":
      return reject(Number(fields["status"]), { retryAfter: numberOf(fields["retryAfter"]) })
    case "DialFailed":
      return fields["kind"] === "breaker" ? undefined : refuse(fields["kind"] as DialFailure)
    case "TlsError":
      return failTls(String(fields["code"]))
    case "DialTimeout":
      return fields["phase"] === "target" || fields["phase"] === "permit" ? undefined : hang
    default:
      return undefined
  }
}

/** What ended a session from the outside, and how long before its end that was. */
const endOf = ({
  error,
  quietFor
}: Event<"SessionEnded">): { readonly end: End; readonly before: number } | undefined => {
  switch (error.tag) {
    case "ConnectionClosed": {
      const { code, initiator } = error.fields
      return initiator === "server" ? { end: { _tag: "Close", code: Number(code) }, before: 0 } : undefined
    }
    case "ConnectionDropped":
    case "ReadError":
    case "WriteError":
      return { end: { _tag: "Reset" }, before: 0 }
    // What came last was heard yet.
    case "PongReceiveTimeout":
    case "IdleTimeout":
      return { end: { _tag: "Silence" }, before: quietFor - 1 }
    default:
      return undefined
  }
}

const fateOf = (entries: ReadonlyArray<Entry>, { at, epoch }: Entry): Fate | undefined => {
  const begun = find(entries, "DialPermitted", epoch)?.at ?? at
  const open = entries.find(({ epoch: other, event }) => other === epoch && event._tag === "GatePassed")
  const over = find(entries, "SessionEnded", epoch)
  if (open === undefined) {
    // One that still hangs when the recording is taken, hangs.
    const answer = over === undefined ? hang : refusalOf(over.event.error)
    const answerAfter = answer === hang ? 0 : (over?.at ?? begun) - begun
    const phase = over?.event.error.fields["phase"]
    const lostIn = answer === hang && onTheWay.includes(phase) ? (phase as DialPhase) : undefined
    return answer && { epoch, lostIn, answer, answerAfter, end: undefined, endAfter: 0 }
  }
  const ended = over && endOf(over.event)
  const endAfter = ended === undefined || over === undefined ? 0 : Math.max(0, over.at - open.at - ended.before)
  return { epoch, lostIn: undefined, answer: accept(), answerAfter: open.at - begun, end: ended?.end, endAfter }
}

export const fates = ({ entries }: Recording): ReadonlyArray<Fate> =>
  entries.filter(({ event }) => event._tag === "DialStarted").flatMap((dialed) => fateOf(entries, dialed) ?? [])

const meet = (peer: Peer, end: End, after: number): Effect.Effect<void> => {
  const act = end._tag === "Close" ? peer.close(end.code) : end._tag === "Reset" ? peer.reset : peer.pause
  return Effect.delay(act, Duration.millis(after))
}

export const serve = <E, R>(
  network: TestNetwork,
  url: string,
  recording: Recording,
  options: Options<E, R> = {}
): Effect.Effect<Server, never, R> => {
  const waiting = [...fates(recording)]
  const met = new Map<number, Fate>()
  const answer = (request: Request): Effect.Effect<Answer> =>
    Effect.suspend(() => {
      const fate = waiting.shift()
      if (fate === undefined) return Effect.succeed(accept())
      met.set(request.id, fate)
      return Effect.delay(Effect.succeed(fate.answer), Duration.millis(fate.answerAfter))
    })
  const lostIn = (): DialPhase | undefined => {
    const phase = waiting[0]?.lostIn
    if (phase !== undefined) waiting.shift()
    return phase
  }
  const script = (peer: Peer): Effect.Effect<unknown, E, R | Scope.Scope> => {
    const fate = met.get(peer.id)
    met.delete(peer.id)
    const said = options.script?.(peer) ?? Effect.void
    if (fate?.end === undefined) return said
    // A server that has fallen silent says nothing more either.
    return Effect.raceFirst(Effect.andThen(said, Effect.never), meet(peer, fate.end, fate.endAfter))
  }
  return network.serve(url, script, { answer, lostIn })
}
