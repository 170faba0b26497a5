/**
 * What arrives before a session's messages may reach the reader: `onOpen` picks
 * from it, the rest waits in order until the session is released to the inbox.
 */
import type { Decoder } from "../Codec.ts"
import type { Frame } from "../Message.ts"

interface Waiter<In> {
  readonly pick: (message: In) => boolean
  readonly take: (message: In) => void
}

export interface OpeningOptions<In> {
  readonly decoder: Decoder<In>
  /** The most bytes that may wait. */
  readonly limit: number
  /** Gives the protocols above their messages; what they leave is returned. */
  readonly claim: (messages: ReadonlyArray<In>) => ReadonlyArray<In>
  readonly overrun: (bytes: number) => void
  readonly undecodable: (issue: string, cause: unknown) => void
}

export class Opening<In> {
  private readonly options: OpeningOptions<In>
  private waiting: Array<In> = []
  private held = 0
  private waiters: Array<Waiter<In>> = []

  constructor(options: OpeningOptions<In>) {
    this.options = options
  }

  get bytes(): number {
    return this.held
  }

  messages(): ReadonlyArray<In> {
    return this.waiting
  }

  push(frame: Frame, size: number): void {
    this.held += size
    const { failure, messages } = this.options.decoder.decode([frame])
    const unpicked = messages.filter((message) => !this.offer(message))
    for (const message of this.options.claim(unpicked)) this.waiting.push(message)
    if (failure !== undefined) this.options.undecodable(failure.issue, failure.cause)
    if (this.held > this.options.limit) this.options.overrun(this.held)
  }

  /** Takes the first waiting message that `pick` accepts, or waits for one; returns how to stop waiting. */
  receive(pick: (message: In) => boolean, take: (message: In) => void): () => void {
    const index = this.waiting.findIndex(pick)
    const [message] = index < 0 ? [] : this.waiting.splice(index, 1)
    if (index >= 0) {
      take(message as In)
      return () => {}
    }
    const waiter = { pick, take }
    this.waiters.push(waiter)
    return () => {
      this.waiters = this.waiters.filter((other) => other !== waiter)
    }
  }

  /** Everything that waits, once. */
  release(): { readonly messages: ReadonlyArray<In>; readonly bytes: number } {
    const released = { messages: this.waiting, bytes: this.held }
    this.waiting = []
    this.held = 0
    return released
  }

  private offer(message: In): boolean {
    const index = this.waiters.findIndex(({ pick }) => pick(message))
    if (index < 0) return false
    const [waiter] = this.waiters.splice(index, 1)
    waiter?.take(message)
    return true
  }
}
