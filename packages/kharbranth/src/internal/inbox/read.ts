/**
 * What a reader gets of the items it took: bare messages, or entries with the
 * markers between them.
 */
import * as Inbox from "../../Inbox.ts"
import { decode, type DecodeReader } from "../codec/decode.ts"
import * as Segments from "../codec/segments.ts"
import type { Taken } from "../codec/segments.ts"
import type { Item, Marker } from "./item.ts"

type Part<In> = Taken<In> | Marker

const partsOf = <In>(item: Item<In>, reader: DecodeReader): ReadonlyArray<Part<In>> =>
  item._tag === "Raw" ? decode(item, Segments.taken, reader) : [item]

const bare = <In>(part: Part<In>): ReadonlyArray<In> =>
  part._tag !== "Decoded" ? [] : part.head === 0 ? part.messages : part.messages.slice(part.head)

/** The messages. One batch that decoded to its end comes as the decoder made it. */
export const messagesOf = <In>(items: ReadonlyArray<Item<In>>, reader: DecodeReader): ReadonlyArray<In> => {
  if (items.length === 1) return joined(partsOf(items[0]!, reader))
  return joined(items.flatMap((item) => partsOf(item, reader)))
}

const joined = <In>(parts: ReadonlyArray<Part<In>>): ReadonlyArray<In> => {
  if (parts.length === 1) return bare(parts[0]!)
  const batches = parts.map(bare).filter((messages) => messages.length > 0)
  return batches.length === 1 ? batches[0]! : join(batches)
}

// Not `flat`: a message may itself be an array.
const join = <In>(batches: ReadonlyArray<ReadonlyArray<In>>): ReadonlyArray<In> => {
  const all: Array<In> = []
  for (const batch of batches) for (const message of batch) all.push(message)
  return all
}

/** The messages and markers, in order. */
export const entriesOf = <In>(items: ReadonlyArray<Item<In>>, reader: DecodeReader): ReadonlyArray<Inbox.Entry<In>> => {
  const entries: Array<Inbox.Entry<In>> = []
  for (const item of items) {
    for (const part of partsOf(item, reader)) {
      if (part._tag === "Decoded") addMessages(entries, part)
      else addMarker(entries, part)
    }
  }
  return entries
}

const addMessages = <In>(entries: Array<Inbox.Entry<In>>, part: Taken<In>): void => {
  for (let index = part.head; index < part.messages.length; index++) {
    const missing = part.lost.get(index)
    if (missing !== undefined) addMarker(entries, Segments.lagged(missing, false))
    entries.push(Inbox.message(part.epoch, part.messages[index]!))
  }
}

const addMarker = <In>(entries: Array<Inbox.Entry<In>>, marker: Marker): void => {
  const last = entries[entries.length - 1]
  if (marker._tag !== "Lagged") entries.push(marker)
  else if (last?._tag !== "Lagged" || last.atMost !== marker.atMost) {
    entries.push(Inbox.lagged(marker.dropped, marker.atMost))
  } else entries[entries.length - 1] = Inbox.lagged(last.dropped + marker.dropped, marker.atMost)
}
