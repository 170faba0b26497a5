/**
 * The taps: protocols that look at each message before it may wait for the
 * reader, and claim those that are theirs. A tap that throws claims nothing.
 */
import { type Decoded, decoded } from "../codec/segments.ts"
import { total } from "../kit/guard.ts"

export interface Tap<in In> {
  readonly claim: (message: In, epoch: number) => boolean
}

const none: ReadonlyArray<never> = []

export class Taps<In> {
  private taps: ReadonlyArray<Tap<In>> = none

  get isEmpty(): boolean {
    return this.taps.length === 0
  }

  add(tap: Tap<In>): () => void {
    const own: Tap<In> = { claim: total((message, epoch) => tap.claim(message, epoch), no) }
    this.taps = [...this.taps, own]
    return () => {
      this.taps = this.taps.filter((other) => other !== own)
    }
  }

  /** The messages that no tap claims: the same array when none is claimed. */
  unclaimed(messages: ReadonlyArray<In>, epoch: number): ReadonlyArray<In> {
    const rest = this.isEmpty ? messages : messages.filter((message) => !this.claims(message, epoch))
    return rest.length === messages.length ? messages : rest
  }

  /** The segment without what a tap claims. */
  filter(segment: Decoded<In>): Decoded<In> {
    if (this.isEmpty) return segment
    const rest = decoded<In>(segment.epoch)
    for (let index = 0; index < segment.messages.length; index++) {
      const message = segment.messages[index]!
      if (this.claims(message, segment.epoch)) continue
      rest.messages.push(message)
      rest.sizes.push(segment.sizes[index]!)
    }
    return rest
  }

  private claims(message: In, epoch: number): boolean {
    for (const tap of this.taps) {
      if (tap.claim(message, epoch)) return true
    }
    return false
  }
}

const no = (): boolean => false
