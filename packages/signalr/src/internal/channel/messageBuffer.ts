/**
 * The message counts of stateful reconnect, for both directions of one
 * connection: which of our messages the peer has not confirmed, which of its
 * messages we have seen, and what to send first on a replaced socket. It has no
 * clock, socket or fiber: the caller does the writing and owns the timer of the
 * acknowledgements.
 */
import type { Frame } from "kharbranth/Message"
import type { HubMessage } from "../../HubMessage.ts"
import { isTracked } from "../../HubMessage.ts"
import { frameSize } from "../kit/bytes.ts"
import { defaultLimit } from "./statefulDefaults.ts"

/** What to do with a message that is to be sent. */
export interface Sent {
  /** Write it now; otherwise it goes out with the resume. */
  readonly write: boolean
  /** Its sender waits until an acknowledgement makes room. */
  readonly wait: boolean
}

/**
 * What to do with an inbound message: `deliver` it, `drop` it, `release` the
 * senders that wait for room, or close the connection (`tooHigh`: the peer
 * counts messages that never came).
 */
export type Verdict = "deliver" | "drop" | "release" | "tooHigh"

/** What goes onto a replaced socket first: the number, then the frames in order. */
export interface Resumption {
  readonly sequenceId: number
  readonly frames: ReadonlyArray<Frame>
}

export interface MessageBuffer {
  /** Counts and keeps a tracked message that is about to be sent. */
  send(frame: Frame): Sent
  /** Judges an inbound message. */
  receive(message: HubMessage): Verdict
  /** Whether the acknowledgement timer has to run. */
  ackPending(): boolean
  /** The timer fired: the number to acknowledge, when there is one to be said now. */
  takeAck(): number | undefined
  /** The socket is gone: nothing is written until `resume`. */
  lost(): void
  /** A new socket is open: what to write on it first. Later sends are written again. */
  resume(): Resumption
  /** Bytes that wait for confirmation. */
  bytes(): number
}

interface Entry {
  readonly id: number
  readonly frame: Frame
  readonly size: number
}

/** Makes the buffer of one connection; `limit` bounds the unconfirmed bytes. */
export const make = (limit: number = defaultLimit): MessageBuffer => {
  let sent = 0
  let entries: Array<Entry> = []
  let bytes = 0
  let full = false
  let expected = 1
  let latest = 0
  let ackDue = false
  let resuming = false
  let awaitingSequence = false

  const confirm = (sequenceId: number): Verdict => {
    const keep = entries.findIndex((entry) => entry.id > sequenceId)
    const gone = keep === -1 ? entries : entries.slice(0, keep)
    for (const entry of gone) bytes -= entry.size
    entries = keep === -1 ? [] : entries.slice(keep)
    if (!full || bytes >= limit) return "drop"
    full = false
    return "release"
  }

  const restart = (sequenceId: number): Verdict => {
    // Not `expected`: a replay that was cut short lowered it, and what we have seen may be acknowledged by now.
    if (sequenceId > latest + 1) return "tooHigh"
    awaitingSequence = false
    expected = sequenceId
    return "drop"
  }

  const count = (): Verdict => {
    const id = expected++
    if (id < latest) return "drop"
    // The latest one again means that our acknowledgement never arrived.
    ackDue = true
    if (id === latest) return "drop"
    latest = id
    return "deliver"
  }

  return {
    send: (frame) => {
      const size = frameSize(frame)
      entries.push({ id: ++sent, frame, size })
      bytes += size
      full = full || bytes >= limit
      return { write: !resuming, wait: full }
    },
    receive: (message) => {
      if (message._tag === "Sequence") return restart(message.sequenceId)
      if (awaitingSequence) return "drop"
      if (message._tag === "Ack") return confirm(message.sequenceId)
      return isTracked(message) ? count() : "deliver"
    },
    ackPending: () => ackDue && !resuming,
    takeAck: () => {
      if (!ackDue || resuming) return undefined
      ackDue = false
      return latest
    },
    lost: () => {
      resuming = true
      awaitingSequence = true
    },
    resume: () => {
      resuming = false
      return { sequenceId: entries[0]?.id ?? sent + 1, frames: entries.map((entry) => entry.frame) }
    },
    bytes: () => bytes
  }
}
