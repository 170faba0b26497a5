/**
 * What a frame of a recorded session costs: parsed by `JSON.parse`, sorted by
 * topic, decoded, decoded by a Schema. CPU time, without any socket.
 */
import { isSuccess } from "effect/Result"
import * as Schema from "effect/Schema"
import type { FeedEvent } from "@kharbranth/feeds/FeedEvent"
import * as FeedSchema from "@kharbranth/feeds/FeedSchema"
import type { Venue } from "@kharbranth/feeds/Venue"
import { all, type Frame, type Session } from "./captures.ts"

export interface Params {
  readonly warmMillis: number
  readonly millis: number
  /** The sessions to run, by a part of their file's name. */
  readonly only?: string | undefined
}

export interface Result {
  readonly perSecond: number
  readonly cpuMicros: number
}

const cpuMicros = (): number => {
  const { system, user } = process.cpuUsage()
  return system + user
}

/** To ask for the CPU time takes as long as many messages, so it is asked for after so many. */
const between = 20_000

/** Runs passes for a while; gives messages a CPU second and CPU time for each message. */
const sample = (messages: number, { millis, warmMillis }: Params, pass: () => void): Result => {
  const times = Math.ceil(between / messages)
  const some = (): void => {
    for (let time = 0; time < times; time++) pass()
  }
  for (const until = cpuMicros() + warmMillis * 1000; cpuMicros() < until;) some()
  const before = cpuMicros()
  let passes = 0
  let spent = 0
  for (; spent < millis * 1000; passes += times) {
    some()
    spent = cpuMicros() - before
  }
  const micros = spent / (passes * messages)
  return { perSecond: 1e6 / micros, cpuMicros: micros }
}

type Read = (frame: Frame, venue: Venue) => void

/** Frames of all topics, sorted by topic; those of the topics that are read are given on. */
const sorted = (sessions: ReadonlyArray<Session>, isRead: (key: string) => boolean, read: Read) => (): void => {
  for (const { frames, venue } of sessions) {
    const wires = new Map<string, ReturnType<Venue["wire"]>>()
    for (const frame of frames) {
      let wire = wires.get(frame.conn)
      if (wire === undefined) wires.set(frame.conn, (wire = venue.wire()))
      const kind = venue.classify(frame.raw, wire)
      if (kind._tag === "Data" && kind.keys.some(isRead)) read(frame, venue)
    }
  }
}

const parsed = (sessions: ReadonlyArray<Session>) => (): void => {
  for (const { frames } of sessions) for (const { raw } of frames) JSON.parse(raw)
}

const decoded: Read = ({ raw, topics }, venue) => {
  for (const topic of topics) venue.decode(raw, topic, 0)
}

/** Every tenth topic is read; ten rounds read each of them once. */
const oneInTen = (sessions: ReadonlyArray<Session>): (() => void) => {
  const indexes = new Map(sessions.flatMap(({ topics }) => [...topics.keys()]).map((key, index) => [key, index % 10]))
  const rounds = Array.from({ length: 10 }, (_, round) =>
    sorted(sessions, (key) => indexes.get(key) === round, decoded)
  )
  return () => {
    for (const round of rounds) round()
  }
}

const validate = Schema.decodeUnknownExit(FeedSchema.Entry)

const validated: Read = ({ raw, topics }, venue) => {
  for (const topic of topics) {
    const found = venue.decode(raw, topic, 0)
    if (isSuccess(found)) found.success.forEach((event: FeedEvent) => void validate(event))
  }
}

/** Only frames of topics that an adapter knows: nobody decodes the others. */
const known = (sessions: ReadonlyArray<Session>): ReadonlyArray<Session> =>
  sessions.map((session) => ({ ...session, frames: session.frames.filter(({ topics }) => topics.length > 0) }))

const passes: Readonly<
  Record<
    string,
    (sessions: ReadonlyArray<Session>) => { readonly over: ReadonlyArray<Session>; readonly pass: () => void }
  >
> = {
  "JSON.parse, all frames": (sessions) => ({ over: sessions, pass: parsed(sessions) }),
  "one topic in ten read": (sessions) => ({ over: Array(10).fill(sessions).flat(), pass: oneInTen(sessions) }),
  "JSON.parse": (sessions) => ({ over: known(sessions), pass: parsed(known(sessions)) }),
  "all read": (sessions) => ({ over: known(sessions), pass: sorted(known(sessions), () => true, decoded) }),
  "all read, validated by a Schema": (sessions) => ({
    over: known(sessions),
    pass: sorted(known(sessions), () => true, validated)
  })
}

export const measure = (subject: string, params: Params): Promise<Result> => {
  const sessions = all().filter(({ file }) => file.includes(params.only ?? ""))
  const { over, pass } = passes[subject]!(sessions)
  return Promise.resolve(
    sample(
      over.reduce((sum, { frames }) => sum + frames.length, 0),
      params,
      pass
    )
  )
}
