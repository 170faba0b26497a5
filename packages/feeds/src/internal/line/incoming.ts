/**
 * What a line hands on: frames of data, with when they came, and what else the
 * venue says. Frames are classified in the order of their session, because some
 * venues count all frames of a connection. Data that came together stays together:
 * most of it may be of topics that nobody reads.
 */
import type * as Clock from "effect/Clock"
import * as Codec from "kharbranth/Codec"
import type { Frame } from "kharbranth/Message"
import type { Kind, Venue, Wire } from "../../Venue.ts"
import * as Kit from "../venue/kit.ts"
import { Beginnings, type Topics } from "./beginnings.ts"

/** One session of a line, as the frames that came by it know it. */
export interface LineSession {
  /** Which of the redundant lines it is of. */
  readonly leg: number
  /** Sessions of a line count up. */
  readonly order: number
  readonly wire: Wire
  /** How many holes the venue's count of the connection has had. */
  gaps: number
  /** Its socket is gone, and no other session had taken over. */
  over: boolean
  /** The venue works on itself, and said so. */
  paused: boolean
}

/**
 * A frame of data, as a reader of its topic gets it. A class, because the engine
 * allocates literals that had to wait where only a full collection frees them.
 */
export class Incoming {
  readonly _tag = "Incoming"
  readonly raw: string
  readonly arrivalTime: number
  readonly session: LineSession
  /** The holes that the session had seen when this came, one right before it included. */
  readonly gaps: number

  constructor(raw: string, arrivalTime: number, session: LineSession, gaps: number) {
    this.raw = raw
    this.arrivalTime = arrivalTime
    this.session = session
    this.gaps = gaps
  }
}

/** Frames of data that came together, with nothing between them. */
export class Batch {
  readonly _tag = "Batch"
  readonly session: LineSession
  readonly arrivalTime: number
  readonly raws: Array<string> = []
  /** The topics of each. */
  readonly topics: Array<Topics> = []
  /** The connection lost frames before the first of these. */
  readonly gap: boolean
  private readonly gaps: number

  constructor(session: LineSession, arrivalTime: number, gap: boolean) {
    this.session = session
    this.arrivalTime = arrivalTime
    this.gap = gap
    this.gaps = session.gaps
  }

  readonly incoming = (index: number): Incoming =>
    new Incoming(this.raws[index]!, this.arrivalTime, this.session, this.gaps)
}

/** What the venue says besides data. */
export interface Word {
  readonly _tag: "Word"
  readonly raw: string
  readonly kind: Exclude<Kind, { readonly _tag: "Data" }>
  readonly session: LineSession
}

/** What comes out of a connection of a line. A reader of a topic gets `Incoming` alone. */
export type Arrival = Batch | Word | Incoming

/** The text of what came by itself, as all does while a session opens. */
export const textOf = (arrival: Arrival): string => (arrival._tag === "Batch" ? arrival.raws[0]! : arrival.raw)

/** What a connection of a line writes: the frames of one request. */
export type Request = ReadonlyArray<string>

const utf8 = new TextDecoder()

const classified = (venue: Venue, raw: string, wire: Wire): Kind => {
  try {
    return venue.classify(raw, wire)
  } catch {
    // Adapters are total; one of a user's may not be.
    return Kit.error("the venue's `classify` threw")
  }
}

const topicsOf = (keys: ReadonlyArray<string>): Topics => (keys.length === 1 ? keys[0]! : keys)

/** Sorts the frames of one session into data and words. */
class Sorter {
  private readonly venue: Venue
  private readonly session: LineSession
  private readonly beginnings: Beginnings | undefined

  constructor(venue: Venue, session: LineSession) {
    this.venue = venue
    this.session = session
    this.beginnings = venue.beginning && new Beginnings(venue.beginning)
  }

  sort(frames: ReadonlyArray<Frame>, now: number): ReadonlyArray<Arrival> {
    const arrivals: Array<Arrival> = []
    let batch: Batch | undefined
    for (const frame of frames) {
      const raw = typeof frame === "string" ? frame : utf8.decode(frame)
      let topics = this.beginnings?.find(raw)
      if (topics === undefined) {
        const { session } = this
        const kind = classified(this.venue, raw, session.wire)
        if (kind.gap) session.gaps++
        if (kind._tag !== "Data" || kind.gap) batch = undefined
        if (kind._tag !== "Data") {
          arrivals.push({ _tag: "Word", raw, kind, session })
          continue
        }
        topics = topicsOf(kind.keys)
        if (kind.gap) arrivals.push((batch = new Batch(session, now, true)))
        else this.beginnings?.learn(raw, topics)
      }
      if (batch === undefined) arrivals.push((batch = new Batch(this.session, now, false)))
      batch.raws.push(raw)
      batch.topics.push(topics)
    }
    return arrivals
  }
}

/** Carries frames of a venue; `order` numbers the sessions of its line. */
export const codecOf = (
  venue: Venue,
  leg: number,
  clock: Clock.Clock,
  order: () => number
): Codec.Codec<Arrival, Request> => ({
  encode: (request) =>
    request.length === 1 ? request[0]! : new Codec.Failure(`a request is one frame, this one is ${request.length}`),
  decoder: () => {
    const session: LineSession = { leg, order: order(), wire: venue.wire(), gaps: 0, over: false, paused: false }
    const sorter = new Sorter(venue, session)
    return {
      onBadFrame: Codec.skip,
      decode: (frames) => ({ messages: sorter.sort(frames, clock.currentTimeMillisUnsafe()), failure: undefined })
    }
  }
})
