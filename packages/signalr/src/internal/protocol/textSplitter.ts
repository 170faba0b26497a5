/**
 * Cuts a text stream into records at the separator 0x1E, however the stream
 * arrives: whole records, halves of them, halves of a character.
 */
import type { Frame } from "kharbranth/Message"
import type { Splitter } from "./decoding.ts"

/** Ends every JSON record of the protocol. */
export const separator = "\u001e"

export const makeTextSplitter = (max: number): Splitter<string> => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  // Whether the bytes so far may have ended within a character.
  let open = false
  let tail: Array<string> = []
  let waiting = 0

  const toText = (frame: Frame): string | undefined => {
    const isText = typeof frame === "string"
    if (isText && !open) return frame
    open = !isText
    try {
      return isText ? decoder.decode() + frame : decoder.decode(frame, { stream: true })
    } catch {
      return undefined
    }
  }

  // Only the new piece is searched, so a message that drips in costs linear time.
  const cut = (text: string): ReadonlyArray<string> => {
    const records: Array<string> = []
    let from = 0
    for (let to = text.indexOf(separator); to !== -1; to = text.indexOf(separator, from)) {
      records.push(tail.length === 0 ? text.slice(from, to) : tail.join("") + text.slice(from, to))
      tail = []
      waiting = 0
      from = to + 1
    }
    if (from < text.length) {
      tail.push(text.slice(from))
      waiting += text.length - from
    }
    return records
  }

  return {
    push: (frame) => {
      const text = toText(frame)
      if (text === undefined) return { pieces: [], issue: "text that is not UTF-8" }
      const records = cut(text)
      const tooLong = records.findIndex((record) => record.length > max)
      if (tooLong !== -1) return { pieces: records.slice(0, tooLong), issue: `a message over ${max} characters` }
      return { pieces: records, issue: waiting > max ? `a message over ${max} characters` : undefined }
    },
    pending: () => waiting
  }
}
