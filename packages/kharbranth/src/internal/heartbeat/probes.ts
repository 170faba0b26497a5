/**
 * The kinds of probes that hear frames, and a heartbeat's user functions, made
 * total: a `match` that throws does not match, a `make` or `reply` that throws
 * ends its session.
 */
import { PingFailed } from "../../ConnectionError.ts"
import type { Probe } from "../../Heartbeat.ts"
import type { Frame } from "../../Message.ts"
import { decodeJson, encodeJson, Failure } from "../model/json.ts"
import type { Patient } from "./patient.ts"
import type { Pulse } from "./pulse.ts"

type Kind<Tag extends Probe["_tag"]> = Extract<Probe, { readonly _tag: Tag }>

/** A session that a probe can end. */
export type Mortal = Pick<Patient, "connection" | "epoch" | "dead">

/** Whether a frame belongs to the heartbeat; what follows from it is done then. */
export type Hear = (frame: Frame, pulse: Pulse) => boolean

/** Gives a frame, or ends the session. */
type Make<A> = (input: A, session: Mortal) => Frame | undefined

export const asking = (make: Make<number>, match: Kind<"Frame">["match"]): Kind<"Frame"> => ({
  _tag: "Frame",
  make,
  match,
  hear: (frame, pulse) => pulse.answered(match, frame)
})

export const answering = (match: Kind<"Challenge">["match"], reply: Make<Frame>): Kind<"Challenge"> => ({
  _tag: "Challenge",
  match,
  reply,
  hear: (frame, { patient }) => {
    if (!match(frame)) return false
    const answer = reply(frame, patient)
    if (answer !== undefined) patient.write(answer, nobody)
    return true
  }
})

const nobody = (): void => {}

const total =
  <A>(name: string, make: (input: A) => Frame): Make<A> =>
  (input, session) => {
    const made = attempt(make, input)
    if (typeof made === "string" || made instanceof Uint8Array) return made
    const { connection, epoch } = session
    session.dead(new PingFailed({ connection, epoch, issue: `${name} made nothing that can be sent` }))
    return undefined
  }

const attempt = <A>(make: (input: A) => unknown, input: A): unknown => {
  try {
    return make(input)
  } catch {
    return undefined
  }
}

export const making = (make: (id: number) => Frame): Make<number> => total("the heartbeat's `make`", make)

export const replying = (reply: (frame: Frame) => Frame): Make<Frame> => total("the challenge's `reply`", reply)

const toJson = (message: unknown): Frame => {
  const text = encodeJson(message)
  if (text instanceof Failure) throw text
  return text
}

export const makingJson = (make: (id: number) => unknown) => making((id) => toJson(make(id)))

export const replyingJson = (reply: (message: unknown) => unknown) =>
  replying((frame) => toJson(reply(decodeJson(frame))))

export const matching =
  <Args extends ReadonlyArray<unknown>>(match: (...args: Args) => boolean) =>
  (...args: Args): boolean => {
    try {
      const matched: unknown = match(...args)
      return matched === true
    } catch {
      return false
    }
  }

export const matchingJson = <Rest extends ReadonlyArray<unknown>>(
  match: (message: unknown, ...rest: Rest) => boolean,
  contains: string | undefined
) =>
  matching((frame: Frame, ...rest: Rest): boolean => {
    if (contains !== undefined && typeof frame === "string" && !frame.includes(contains)) return false
    const message = decodeJson(frame)
    return !(message instanceof Failure) && match(message, ...rest)
  })

export const textPulse =
  (pulse: string | ((text: string) => boolean)) =>
  (frame: Frame): boolean =>
    typeof frame === "string" && (typeof pulse === "string" ? frame === pulse : pulse(frame))
