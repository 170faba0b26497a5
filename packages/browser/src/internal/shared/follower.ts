/**
 * A follower's side: a `Link` whose socket is in another tab. It ends when the
 * leader says so, when the leader is gone or silent, and when frames are
 * missing: never with a hole that nobody sees.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import * as LinkErrors from "../link/linkErrors.ts"
import { frameSize } from "../link/textSize.ts"
import { decodeEnd, type TabMessage, packed } from "./tabMessage.ts"

export interface Follower {
  readonly link: Link
  readonly receive: (message: TabMessage) => void
  /** Leaves: this tab goes, or the leader is gone. */
  readonly leave: (why: string) => void
}

export const make = (options: {
  readonly id: string
  readonly welcome: Extract<TabMessage, { readonly kind: "welcome" }>
  readonly dial: Dial
  readonly receiver: Receiver
  readonly post: (message: TabMessage) => void
  readonly over: () => void
}): Follower => {
  const { dial, id, post, receiver } = options
  const { term } = options.welcome
  const { high, low } = dial.writeMark
  let next = options.welcome.next
  let received = 0
  let buffered = 0
  let overMark = false
  let over = false
  let isLeaving = false

  const end = (error: ConnectionError.LinkError) => {
    if (over) return
    over = true
    options.over()
    receiver.ended(error)
  }

  const leave = (why: string) => {
    if (over) return
    post({ kind: "leave", term, from: id })
    end(LinkErrors.dropped(dial, { _tag: why }))
  }

  /** Like `leave`, but not inside the call that asked for it. */
  const leaveSoon = (why: string) => {
    if (isLeaving || over) return
    isLeaving = true
    queueMicrotask(() => leave(why))
  }

  const deliver = (message: Extract<TabMessage, { readonly kind: "frames" }>) => {
    if (message.first !== next) return leave("MissingFrames")
    next += message.frames.length
    for (let i = 0; i < message.frames.length && !over && !isLeaving; i++) {
      const size = message.sizes[i]!
      received++
      if (size > dial.maxMessageSize) {
        post({ kind: "leave", term, from: id })
        return end(LinkErrors.tooLarge(dial, size))
      }
      receiver.frame(message.frames[i]!, size)
    }
  }

  const wrote = (bytes: number) => {
    buffered -= bytes
    if (!overMark || buffered > low) return
    overMark = false
    receiver.drained()
  }

  return {
    leave,
    receive: (message) => {
      if (over || isLeaving) return
      if (message.kind === "frames" && message.term === term) deliver(message)
      else if (message.kind === "wrote" && message.term === term && message.to === id) wrote(message.bytes)
      else if (message.kind === "end" && message.term === term) end(decodeEnd(dial, message.end))
    },
    link: {
      protocol: options.welcome.protocol,
      write: (frames) => {
        if (over || isLeaving) return
        const bytes = frames.reduce((n, frame) => n + frameSize(frame), 0)
        buffered += bytes
        if (buffered >= high) overMark = true
        post({ kind: "write", term, from: id, frames: frames.map(packed), bytes })
      },
      ping: () => {},
      buffered: () => (over ? 0 : buffered),
      received: () => received,
      pause: () => {},
      resume: () => {},
      // The socket is not ours to close, and nobody proves that it took our last writes.
      close: () => leaveSoon("LeftSharedSocket"),
      terminate: () => {
        if (!over && !isLeaving) post({ kind: "suspect", term, next })
        leaveSoon("LeftSharedSocket")
      }
    }
  }
}
