/** What waits in an inbox: segments of frames or messages, and the markers between them. */
import type * as Inbox from "../../Inbox.ts"
import { type Decoded, type Lagged, type Raw, sum } from "../codec/segments.ts"

export type Marker = Inbox.SessionOpened | Inbox.Gap | Lagged

export type Item<In> = Raw<In> | Decoded<In> | Marker

export const holdsMessages = <In>(item: Item<In>): item is Raw<In> | Decoded<In> =>
  item._tag === "Raw" || item._tag === "Decoded"

/** The bytes that wait in an item. */
export const bytesOf = <In>(item: Item<In>): number =>
  item._tag === "Raw" ? sum(item.sizes) : item._tag === "Decoded" ? sum(item.sizes, item.head) : 0

/** How many messages wait in an item; for raw frames, as many as there are frames. */
export const countOf = <In>(item: Item<In>): number =>
  item._tag === "Raw" ? item.frames.length : item._tag === "Decoded" ? item.messages.length - item.head : 0
