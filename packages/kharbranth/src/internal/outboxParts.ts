/**
 * What an outbox is made of and what goes through it, as data: its options with
 * defaults, entries from messages, and entries as plain items.
 */
import * as Duration from "effect/Duration"
import type * as Codec from "../Codec.ts"
import type { SendError } from "../ConnectionError.ts"
import type { Frame } from "../Message.ts"
import type * as Policy from "../Outbox.ts"
import * as Options from "./options.ts"
import { type Entry, sizeOf } from "./outboxEntry.ts"
import type { Hooks } from "./outboxWriter.ts"

export interface OutboxOptions<In, Out> {
  readonly connection: string
  readonly capacity: number
  readonly maxBytes: number
  readonly overflow: Policy.Overflow
  readonly whenDown: Policy.WhenDown
  /** Milliseconds; `undefined` for ever. */
  readonly ttl: number | undefined
  readonly maxReplays: number
  readonly acks: Policy.Acks<In, Out> | undefined
  readonly encode: (message: Out) => Frame | Codec.Failure
  readonly hooks: Hooks
}

/** A policy with its defaults, as the outbox takes it. */
export const settings = <In, Out>(
  options: Policy.Options<In, Out>
): Omit<OutboxOptions<In, Out>, "connection" | "encode" | "hooks"> => {
  const ttl = Duration.toMillis(Options.durationOr(options.ttl, "30 seconds"))
  return {
    capacity: options.capacity ?? 10_000,
    maxBytes: options.maxBytes ?? 16 * 1024 * 1024,
    overflow: options.overflow ?? "suspend",
    whenDown: options.whenDown ?? "hold",
    ttl: ttl === Infinity ? undefined : ttl,
    maxReplays: options.maxReplays ?? 3,
    acks: options.acks
  }
}

export type Parts = Omit<Policy.Item, "ttl"> & {
  readonly ttl: number
  readonly tracked: boolean
  readonly tell: Entry["tell"]
}

export const entryOf = (parts: Parts, size: number, now: number): Entry => ({
  frame: parts.frame,
  size,
  lane: parts.lane,
  key: parts.key,
  whenDown: parts.whenDown,
  replay: parts.replay === "ifUnknown",
  retained: parts.tracked || parts.replay === "ifUnknown",
  id: parts.id,
  since: now,
  deadline: now + parts.ttl,
  tell: parts.tell,
  written: parts.written,
  replays: 0,
  seq: 0,
  order: 0,
  list: undefined,
  previous: undefined,
  next: undefined
})

/** For nobody who waits. */
export const nobody = (): void => {}

const caught = <A>(f: () => A): A | undefined => {
  try {
    return f()
  } catch {
    return undefined
  }
}

/** By which id a message will be acknowledged. */
export const idOf = <In, Out>(acks: Policy.Acks<In, Out> | undefined, message: Out): string | undefined =>
  acks === undefined ? undefined : caught(() => acks.id(message))

/** Which ids a message acknowledges. */
export const acknowledgedBy = <In, Out>(acks: Policy.Acks<In, Out>, message: In): ReadonlyArray<string> => {
  const ids = caught(() => acks.match(message))
  return ids === undefined ? [] : typeof ids === "string" ? [ids] : ids
}

export type Tell = (ttl: number) => Entry["tell"]

const none: Policy.SendOptions = {}

/** An entry for a message with its options, the outbox's where it has none. */
export const newEntry = <In, Out>(
  options: OutboxOptions<In, Out>,
  message: Out,
  frame: Frame,
  given: Policy.SendOptions | undefined,
  tracked: boolean,
  tell: Tell
): Entry => {
  const { key, lane = "data", replay = "never", ttl: ownTtl, whenDown = options.whenDown } = given ?? none
  const ttl = ownTtl === undefined ? (options.ttl ?? Infinity) : Duration.toMillis(Options.duration(ownTtl))
  const id = tracked || replay === "ifUnknown" ? idOf(options.acks, message) : undefined
  const parts = { frame, lane, key, whenDown, replay, ttl, written: false, id, tracked, tell: tell(ttl) }
  return entryOf(parts, sizeOf(frame), options.hooks.now())
}

/** Whether a message may be written without waiting with others of its kind. */
export const isPlain = (options: Policy.SendOptions): boolean =>
  options.key === undefined && options.replay !== "ifUnknown"

export const isFrame = (frame: Frame | SendError): frame is Frame =>
  typeof frame === "string" || frame instanceof Uint8Array

export const isEntry = (given: Entry | SendError): given is Entry => !("_tag" in given)
