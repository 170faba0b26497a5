/**
 * What frames are, by how they begin: venues name a frame's topic at its start, so
 * most frames are recognized by a text that was seen before.
 */
import type { Venue } from "../../Venue.ts"

/** The topics of a frame of data, as subscriptions want them. */
export type Topics = string | ReadonlyArray<string>

/** More topics than a line has; what comes beyond is not remembered. */
const knownAtMost = 16_384

/** Longer beginnings are no topic's. */
const longest = 256

const isEnd = (code: number): boolean => code === 125 || code === 93

export class Beginnings {
  private readonly start: string
  private readonly end: string
  /** By all of the beginning: what it starts with needs no check of its own. */
  private readonly known = new Map<string, Topics>()

  constructor({ end, start }: NonNullable<Venue["beginning"]>) {
    this.start = start
    this.end = end
  }

  /** The topics of a frame of data whose beginning is known. */
  find(raw: string): Topics | undefined {
    const to = this.endOf(raw)
    return to < 0 ? undefined : this.known.get(raw.slice(0, to))
  }

  /** Remembers what a frame of data was found to have. */
  learn(raw: string, topics: Topics): void {
    const to = this.endOf(raw)
    if (to < 0 || this.known.size >= knownAtMost || !raw.startsWith(this.start)) return
    // A part of the frame would keep it alive; what was parsed does not.
    const text = JSON.parse(JSON.stringify(raw.slice(0, to))) as string
    this.known.set(text, topics)
  }

  /** Where the beginning ends, or -1: a frame that was cut begins as a whole one does. */
  private endOf(raw: string): number {
    const { end, start } = this
    if (!isEnd(raw.charCodeAt(raw.length - 1))) return -1
    const to = raw.indexOf(end, start.length)
    return to > start.length + longest ? -1 : to
  }
}
