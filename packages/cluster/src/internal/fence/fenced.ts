/**
 * A transport that works only as long as a right does. Every dial and every frame
 * looks at the clock: after a pause of the process, timers may come too late. The
 * first that is too late cuts the socket, and passes nothing on.
 */
import * as Effect from "effect/Effect"
import { DialFailed, endpointOf, foreign } from "kharbranth/ConnectionError"
import type { Frame, LazyText } from "kharbranth/Message"
import type * as Transport from "kharbranth/Transport"
import type { Right } from "./right.ts"

type Service = Transport.Transport["Service"]

export class FencedReceiver implements Transport.Receiver {
  readonly lazyText: ((text: LazyText, size: number) => void) | undefined
  private readonly inner: Transport.Receiver
  private readonly right: Right
  link: Transport.Link | undefined
  private isOver = false
  private forget = (): void => {}

  constructor(inner: Transport.Receiver, right: Right) {
    this.inner = inner
    this.right = right
    const { lazyText } = inner
    // Called as a method, as its owner expects.
    this.lazyText =
      lazyText === undefined
        ? undefined
        : (text, size) => {
            if (this.passes()) lazyText.call(inner, text, size)
          }
  }

  /** Whether the right is live; if not, the socket is cut. */
  passes(): boolean {
    if (this.right.isLive()) return true
    this.link?.terminate()
    return false
  }

  /** The socket is open: from now on it ends with the right. */
  guard(link: Transport.Link): void {
    this.link = link
    if (!this.isOver) this.forget = this.right.onEnd(() => link.terminate())
  }

  frame(frame: Frame, size: number): void {
    if (this.passes()) this.inner.frame(frame, size)
  }

  ping(payload: Uint8Array): void {
    if (this.passes()) this.inner.ping(payload)
  }

  pong(payload: Uint8Array): void {
    if (this.passes()) this.inner.pong(payload)
  }

  drained(): void {
    if (this.passes()) this.inner.drained()
  }

  ended(error: Parameters<Transport.Receiver["ended"]>[0]): void {
    this.isOver = true
    this.forget()
    this.inner.ended(error)
  }
}

const fencedLink = (link: Transport.Link, receiver: FencedReceiver): Transport.Link => ({
  protocol: link.protocol,
  write: (frames) => {
    if (receiver.passes()) link.write(frames)
  },
  ping: (payload) => {
    if (receiver.passes()) link.ping(payload)
  },
  buffered: () => link.buffered(),
  received: () => link.received(),
  pause: () => link.pause(),
  resume: () => link.resume(),
  close: (code, reason) => {
    if (receiver.passes()) link.close(code, reason)
  },
  terminate: () => link.terminate()
})

// A failure of this machine's own: no breaker counts it against the server.
const refused = (dial: Transport.Dial) =>
  new DialFailed({
    connection: dial.connection,
    kind: "local",
    endpoint: endpointOf(dial.url),
    cause: foreign({ _tag: "LeaseOver" })
  })

/** The transport behind a fence. */
export const fenced = (inner: Service, right: Right): Service => ({
  name: inner.name,
  capabilities: inner.capabilities,
  egress: inner.egress,
  dial: (dial, receiver) =>
    Effect.suspend(() => {
      if (!right.isLive()) return Effect.fail(refused(dial))
      const guarded = new FencedReceiver(receiver, right)
      return Effect.flatMap(inner.dial(dial, guarded), (link) => {
        guarded.guard(link)
        if (guarded.passes()) return Effect.succeed(fencedLink(link, guarded))
        return Effect.fail(refused(dial))
      })
    })
})
