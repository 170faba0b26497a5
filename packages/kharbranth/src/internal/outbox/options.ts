/**
 * What an outbox is made of and what goes through it, as data: its options with
 * defaults, entries from messages, and entries as plain items.
 */
import type * as Codec from "../../Codec.ts"
import type { SendError } from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type * as Policy from "../../Outbox.ts"
import * as Options from "../model/check.ts"
import { sizeOf } from "../model/frame.ts"
import type { Entry } from "./entry.ts"
import type { Room } from "./queue.ts"
import type { OutboxOwner } from "./writer.ts"

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
  readonly owner: OutboxOwner
}

/** How long a message may wait, in milliseconds. */
export const ttlOf = (options: Pick<Policy.Options<unknown, never>, "ttl"> | undefined): number =>
  Options.millisOr(options?.ttl, "30 seconds")

/** A policy with its defaults, as the outbox takes it. */
export const settings = <In, Out>(
  options: Policy.Options<In, Out>
): Omit<OutboxOptions<In, Out>, "connection" | "encode" | "owner"> => {
  const ttl = ttlOf(options)
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

/** An outbox, as far as its bounds go. */
interface Rebound<In, Out> {
  readonly options: OutboxOptions<In, Out>
  readonly admission: { readonly room: Pick<Room, "capacity" | "maxBytes"> }
  conclude(): void
}

/** Gives an outbox other bounds and policies, for what comes from now on and for those who wait for room. */
export const rebound = <In, Out>(outbox: Rebound<In, Out>, given: ReturnType<typeof settings<In, Out>>): void => {
  // Its admission reads the same object.
  Object.assign(outbox.options, given)
  const { room } = outbox.admission
  room.capacity = given.capacity
  room.maxBytes = given.maxBytes
  outbox.conclude()
}

export type EntryParts = Omit<Policy.Item, "ttl" | "replay"> & {
  readonly ttl: number
  readonly replay: boolean
  readonly retained: boolean
  readonly tell: Entry["tell"]
}

export const entryOf = (parts: EntryParts, size: number, now: number): Entry => ({
  frame: parts.frame,
  size,
  lane: parts.lane,
  key: parts.key,
  whenDown: parts.whenDown,
  replay: parts.replay,
  retained: parts.retained,
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

export type Tell = (ttl: number) => Entry["tell"]

const none: Policy.SendOptions = {}

/** An entry for a message with its options, the outbox's where it has none. */
export const newEntry = <In, Out>(
  options: OutboxOptions<In, Out>,
  frame: Frame,
  given: Policy.SendOptions | undefined,
  kept: { readonly id: string | undefined } | undefined,
  tell: Tell
): Entry => {
  const { key, lane = "data", replay, ttl: ownTtl, whenDown = options.whenDown } = given ?? none
  const ttl = ownTtl === undefined ? (options.ttl ?? Infinity) : Options.millis(Options.duration(ownTtl))
  const retained = kept !== undefined
  return entryOf(
    {
      frame,
      lane,
      key,
      whenDown,
      replay: replay !== undefined,
      ttl,
      written: false,
      id: kept?.id,
      retained,
      tell: tell(ttl)
    },
    sizeOf(frame),
    options.owner.mono()
  )
}

/** Whether a message may be written without waiting with others of its kind. */
export const isPlain = (options: Policy.SendOptions): boolean =>
  options.key === undefined && options.replay === undefined

export const isEntry = (given: Entry | SendError): given is Entry => !("_tag" in given)
