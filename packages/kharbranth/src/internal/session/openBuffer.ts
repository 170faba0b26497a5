/**
 * What arrives before a session's messages may reach the reader: `onOpen` picks
 * from it, the rest waits in order until the session is released to the inbox.
 */
import type { Frame } from "../../Message.ts"

interface Waiter<In> {
  readonly pick: (message: In) => boolean
  readonly take: (message: In) => void
}

/** What the buffer sees of its session. */
export interface BufferedSession<In> {
  /** The most bytes that may wait. */
  readonly openBuffer: number
  decode(frame: Frame): ReadonlyArray<In>
  /** Lets the protocols above claim their messages; returns the rest. */
  claim(messages: ReadonlyArray<In>): ReadonlyArray<In>
  overrun(bytes: number): void
}

export class OpenBuffer<In> {
  bytes = 0
  private readonly session: BufferedSession<In>
  private waiting: Array<In> = []
  private waiters: Array<Waiter<In>> = []

  constructor(session: BufferedSession<In>) {
    this.session = session
  }

  messages(): ReadonlyArray<In> {
    return this.waiting
  }

  push(frame: Frame, size: number): void {
    const { session } = this
    this.bytes += size
    const unpicked = session.decode(frame).filter((message) => !this.offer(message))
    for (const message of session.claim(unpicked)) this.waiting.push(message)
    if (this.bytes > session.openBuffer) session.overrun(this.bytes)
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

  private offer(message: In): boolean {
    const index = this.waiters.findIndex(({ pick }) => pick(message))
    if (index < 0) return false
    const [waiter] = this.waiters.splice(index, 1)
    waiter?.take(message)
    return true
  }
}
