/**
 * A frame as a line hands it on: its text, what it is, and when it came. Frames
 * are classified in the order of their session, a batch at a time, because some
 * venues count all frames of a connection.
 */
import type * as Clock from "effect/Clock"
import * as Codec from "kharbranth/Codec"
import type { Frame } from "kharbranth/Message"
import type { Kind, Venue, Wire } from "../../Venue.ts"
import * as Kit from "../venue/kit.ts"

/** One session of a line, as the frames that came by it know it. */
export interface LineSession {
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

export interface Incoming {
  readonly raw: string
  readonly kind: Kind
  readonly arrivalTime: number
  readonly session: LineSession
  /** The holes that the session had seen when this came, its own included. */
  readonly gaps: number
}

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

/** Carries frames of a venue; `order` numbers the sessions of its line. */
export const codecOf = (venue: Venue, clock: Clock.Clock, order: () => number): Codec.Codec<Incoming, Request> => ({
  encode: (request) =>
    request.length === 1 ? request[0]! : new Codec.Failure(`a request is one frame, this one is ${request.length}`),
  decoder: () => {
    const session: LineSession = { order: order(), wire: venue.wire(), gaps: 0, over: false, paused: false }
    const incoming = (frame: Frame, arrivalTime: number): Incoming => {
      const raw = typeof frame === "string" ? frame : utf8.decode(frame)
      const kind = classified(venue, raw, session.wire)
      if (kind.gap) session.gaps++
      return { raw, kind, arrivalTime, session, gaps: session.gaps }
    }
    return {
      onBadFrame: Codec.skip,
      decode: (frames) => {
        const now = clock.currentTimeMillisUnsafe()
        return { messages: frames.map((frame) => incoming(frame, now)), failure: undefined }
      }
    }
  }
})
