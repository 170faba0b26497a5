/**
 * What a simulated history consists of: facts in the order in which they
 * happened, seen at the user's side of the connection, at its transport, and at
 * the server. The checker judges nothing else.
 */
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { SendOptions } from "kharbranth/Outbox"

/** The number of the message that is sent once there is peace. */
export const lastWord = 1_000_000

/** A message the user gave to the connection. */
export interface Call {
  readonly e: "call"
  readonly n: number
  readonly way: "send" | "track" | "sink"
  readonly options: SendOptions
  /** Time to live in milliseconds. */
  readonly ttl: number
  /** What can confirm it, apart from a clean close. */
  readonly proof: "ack" | "pong"
  readonly mono: number
}

export type Fact =
  | Call
  // The user's side.
  | { readonly e: "sent" | "accepted" | "withdrawn" | "unsure"; readonly n: number }
  | { readonly e: "refused"; readonly n: number; readonly error: string }
  | { readonly e: "delivery"; readonly n: number; readonly tag: string; readonly by: string }
  | { readonly e: "exported"; readonly items: ReadonlyArray<{ readonly n: number; readonly written: boolean }> }
  | { readonly e: "imported"; readonly items: ReadonlyArray<number>; readonly away: number }
  | { readonly e: "entry"; readonly tag: "Message"; readonly epoch: number; readonly text: string }
  | {
      readonly e: "entry"
      readonly tag: "SessionOpened"
      readonly epoch: number
      readonly rotated: boolean
      readonly doubles: number
    }
  | { readonly e: "entry"; readonly tag: "Gap"; readonly epoch: number }
  | { readonly e: "entry"; readonly tag: "Lagged"; readonly dropped: number; readonly atMost: boolean }
  | { readonly e: "streamEnded"; readonly error: string | undefined }
  | { readonly e: "happened"; readonly event: ConnectionEvent }
  | { readonly e: "did"; readonly what: string; readonly result: string }
  | { readonly e: "opening"; readonly epoch: number; readonly step: "begun" | "done"; readonly mono: number }
  | { readonly e: "hooked"; readonly epoch: number; readonly hook: "onOpen" | "onClose" }
  | { readonly e: "hooked"; readonly epoch: number; readonly hook: "onText"; readonly text: string }
  // The transport's side.
  | { readonly e: "linked"; readonly epoch: number }
  | { readonly e: "hungUp" | "over" | "ponged"; readonly epoch: number; readonly mono: number }
  | { readonly e: "wrote"; readonly epoch: number; readonly n: number | undefined; readonly mono: number }
  | { readonly e: "came"; readonly epoch: number; readonly text: string; readonly mono: number }
  // The server's side.
  | { readonly e: "accepts" | "served" | "acked"; readonly epoch: number; readonly n: number }
  // The world's.
  | { readonly e: "serverCloses" }
  | { readonly e: "gauge"; readonly outbox: number; readonly outboxBytes: number; readonly inboxBytes: number }
  | { readonly e: "slept"; readonly millis: number }
  | { readonly e: "quiet"; readonly state: string }
  | { readonly e: "closed"; readonly how: string; readonly millis: number }
  | {
      readonly e: "left"
      readonly fibers: number
      readonly sleeps: number
      readonly links: number
      readonly dials: number
    }

/** What the checker must know about the connection that was simulated. */
export interface Terms {
  readonly capacity: number
  readonly maxBytes: number
  readonly maxReplays: number
  readonly highWaterMark: number
  readonly overlap: number
  /** Whether the transport can hold its socket back. */
  readonly pauses: boolean
  readonly conflates: boolean
  /** Whether the outbox may drop messages without an error. */
  readonly drops: boolean
  readonly closeTimeout: number
  readonly drainDeadline: number
  readonly rate:
    | { readonly limit: number; readonly window: number; readonly scope: "session" | "connection" }
    | undefined
  readonly hooks: boolean
  /** Whether the connection knows what makes two messages the same. */
  readonly dedupes: boolean
  readonly endpoints: number
  /** Whether two sockets to one server can be dialed at once. */
  readonly concurrentDials: boolean
}

export interface History {
  readonly seed: number
  readonly terms: Terms
  readonly facts: ReadonlyArray<Fact>
}

// ---- what travels

/** A user's message on the wire. */
export const payload = (n: number, proof: "ack" | "pong", padding: number): string =>
  `D:${n}:${proof}:${".".repeat(padding)}`

export const numberOf = (text: string): number | undefined => {
  if (!text.startsWith("D:")) return undefined
  return Number(text.slice(2, text.indexOf(":", 2)))
}

export const wantsAck = (text: string): boolean => text.includes(":ack:")

/** What the server says to all logins. */
export const said = (seq: number): string => `F:${seq}`

export const saidBy = (text: string): number | undefined => (text.startsWith("F:") ? Number(text.slice(2)) : undefined)

/** The server's acknowledgement of a message. */
export const ack = (n: number): string => `A:${n}`

export const ackedBy = (text: string): number | undefined => (text.startsWith("A:") ? Number(text.slice(2)) : undefined)

/** What `onOpen` says and waits for; it takes the answer out of the stream. */
export const hello = "hello"
export const welcome = "welcome"

/** The heartbeat of frames, where the transport has no pings: numbered, so that no late pulse answers a later probe. */
export const probe = (id: number): string => `ping:${id}`

export const pulse = (id: number): string => `pong:${id}`

/** What a server says to a probe. */
export const pulseFor = (text: string): string | undefined =>
  text.startsWith("ping:") ? pulse(Number(text.slice(5))) : undefined

/** Whether a frame reaches the stream. */
export const isForReader = (text: string): boolean => text !== welcome && !text.startsWith("pong:")
