/**
 * The kinds of probes: what each sends, and how it hears the answer. To the
 * public a probe is opaque; each kind is a value that carries its own code, so
 * one that a program does not name leaves its bundle.
 *
 * A heartbeat's user functions are guarded: a `match` that throws does not
 * match, a `make` or `reply` that throws ends its session.
 */
import { PingFailed } from "../../ConnectionError.ts"
import type { CanPing, Probe } from "../../Heartbeat.ts"
import type { Frame } from "../../Message.ts"
import { isFrame, plain, type Received } from "../model/frame.ts"
import { attempt, total } from "../kit/guard.ts"
import * as Check from "../model/check.ts"
import { decodeJson, encodeJson, Failure } from "../model/json.ts"
import type { WireProbe } from "../model/wireProbe.ts"
import type { HeartbeatOwner, MonitoredSession } from "./monitored.ts"

/** What a probe needs to end its session. */
type Ending = Pick<MonitoredSession, "epoch" | "dead"> & { readonly owner: Pick<HeartbeatOwner, "connection"> }

/** What a probe needs when it hears a frame: the probes that wait, and the session. */
export interface Hearing {
  readonly session: MonitoredSession
  answered(match: (frame: Received, id: number) => boolean, frame: Received): boolean
}

/** Makes something to send, or ends the session. */
type Make<A, B> = (input: A, session: Ending) => B | undefined

/** A kind of probe. A new one is a value like these and a constructor in `Heartbeat`. */
export interface Kind {
  readonly _tag: Probe["_tag"]
  /** Makes probe number `id`. A kind without it asks by pings, on demand and where the transport can. */
  readonly make?: Make<number, WireProbe> | undefined
  /** Whether a pong answers probe `id`. */
  readonly matchesPong?: ((payload: Uint8Array, id: number) => boolean) | undefined
  /** Whether a frame belongs to the heartbeat; what follows from it is done here. */
  readonly hear?: ((frame: Received, hearing: Hearing) => boolean) | undefined
  readonly check?: ((transport: CanPing, connection: string) => Check.Check) | undefined
}

// Only this room makes probes, so each is of a kind.
export const probeOf = (kind: Kind): Probe => kind as unknown as Probe
export const kindOf = (probe: Probe): Kind => probe

export const none: Kind = { _tag: "None" }

// ---- protocol pings: the payload is a `k` and the probe's number, in ASCII ----

const payload = (id: number): Uint8Array => {
  const text = `k${id}`
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

export const ping = {
  _tag: "Ping",
  make: (id: number) => ({ ping: payload(id) }),
  matchesPong: (pong: Uint8Array, id: number) => {
    const text = `k${id}`
    return pong.length === text.length && String.fromCharCode(...pong) === text
  },
  check: ({ ping }: CanPing, connection: string) => {
    const issue = "this transport cannot send protocol pings; use Heartbeat.text, Heartbeat.json or Heartbeat.passive"
    return ping === false ? Check.invalid(connection, ["heartbeat"], issue) : undefined
  }
} satisfies Kind

// ---- data frames ----

export const asking = (make: Make<number, Frame>, match: (frame: Received, id: number) => boolean) =>
  ({ _tag: "Frame", make, hear: (frame, hearing) => hearing.answered(match, frame) }) satisfies Kind

export const answering = (match: (frame: Received) => boolean, reply: Make<Received, Frame>) =>
  ({
    _tag: "Challenge",
    hear: (frame, { session }) => {
      if (!match(frame)) return false
      const answer = reply(frame, session)
      if (answer !== undefined) session.write(answer, nothing)
      return true
    }
  }) satisfies Kind

const nothing = (): void => {}

const guarded =
  <A>(name: string, make: (input: A) => unknown): Make<A, Frame> =>
  (input, session) => {
    const made = attempt(() => make(input), nothing)
    if (isFrame(made)) return made
    const { epoch, owner } = session
    const { connection } = owner
    session.dead(new PingFailed({ connection, epoch, issue: `${name} made nothing that can be sent` }))
    return undefined
  }

export const making = (make: (id: number) => unknown) => guarded("the heartbeat's `make`", make)

export const replying = (reply: (frame: Frame) => unknown) =>
  guarded("the challenge's `reply`", (frame: Received) => reply(plain(frame)))

const toJson = (message: unknown): Frame => {
  const text = encodeJson(message)
  if (text instanceof Failure) throw text
  return text
}

export const makingJson = (make: (id: number) => unknown) => making((id) => toJson(make(id)))

export const replyingJson = (reply: (message: unknown) => unknown) =>
  replying((frame) => toJson(reply(decodeJson(frame))))

export const matching = <Args extends ReadonlyArray<unknown>>(
  match: (...args: Args) => unknown
): ((...args: Args) => boolean) =>
  total(
    (...args: Args) => match(...args) === true,
    () => false
  )

/** Lazy text becomes a string for the match: one is asked for only while a probe waits. */
export const matchingFrame = <Rest extends ReadonlyArray<unknown>>(match: (frame: Frame, ...rest: Rest) => boolean) =>
  matching((frame: Received, ...rest: Rest): boolean => match(plain(frame), ...rest))

export const matchingJson = <Rest extends ReadonlyArray<unknown>>(
  match: (message: unknown, ...rest: Rest) => boolean,
  contains: string | undefined
) =>
  matchingFrame((frame: Frame, ...rest: Rest): boolean => {
    if (contains !== undefined && typeof frame === "string" && !frame.includes(contains)) return false
    const message = decodeJson(frame)
    return !(message instanceof Failure) && match(message, ...rest)
  })

export const textPulse =
  (pulse: string | ((text: string) => boolean)) =>
  (frame: Received): boolean =>
    !(frame instanceof Uint8Array) && (typeof pulse === "string" ? String(frame) === pulse : pulse(String(frame)))
