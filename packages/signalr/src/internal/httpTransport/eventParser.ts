/**
 * Reads an event stream (`text/event-stream`): gives the data of each event,
 * however the bytes are cut. Names, ids and comments mean nothing to a hub.
 */

export interface EventParser {
  /** The data of the events that these bytes complete. */
  push(bytes: Uint8Array): ReadonlyArray<string>
  /** Characters that wait for the rest of their event. */
  pending(): number
}

export const makeEventParser = (): EventParser => {
  const decoder = new TextDecoder()
  // The pieces of an unfinished line; joined once, when its end is here.
  let partial: Array<string> = []
  let data: Array<string> = []
  let waiting = 0
  let afterReturn = false

  // A line without its end; an empty one ends the event.
  const line = (text: string): string | undefined => {
    if (text !== "") {
      if (text.startsWith("data:")) data.push(text.slice(text.startsWith("data: ") ? 6 : 5))
      return undefined
    }
    const event = data.length === 0 ? undefined : data.join("\n")
    data = []
    waiting = 0
    return event
  }

  const finishLine = (end: string): string | undefined => {
    const text = partial.length === 0 ? end : partial.join("") + end
    partial = []
    return line(text)
  }

  return {
    push: (bytes) => {
      const text = decoder.decode(bytes, { stream: true })
      const events: Array<string> = []
      let from = 0
      waiting += text.length
      for (let at = 0; at < text.length; at++) {
        const unit = text[at]
        const secondOfPair = unit === "\n" && afterReturn
        afterReturn = unit === "\r"
        if (unit !== "\n" && unit !== "\r") continue
        if (!secondOfPair) {
          const event = finishLine(text.slice(from, at))
          if (event !== undefined) events.push(event)
        }
        from = at + 1
      }
      if (from < text.length) partial.push(text.slice(from))
      return events
    },
    pending: () => waiting
  }
}
