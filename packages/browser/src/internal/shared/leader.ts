/**
 * The leader's side: one real socket, its own tab's receiver, and the other
 * tabs behind the channel. Every frame goes to all; writes of all go into the
 * one socket, in the order in which they reach this tab.
 */
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Link, Receiver } from "kharbranth/Transport"
import { encodeEnd, type TabMessage, packed } from "./tabMessage.ts"

export interface Leader {
  /** What the real socket delivers to. */
  readonly receiver: Receiver
  readonly opened: (link: Link) => Link
  readonly receive: (message: TabMessage) => void
  /** Ends the term: the lock was stolen, or the page is about to freeze. */
  readonly resign: () => void
}

export const make = (options: {
  readonly term: string
  readonly highMark: number
  readonly receiver: Receiver
  readonly post: (message: TabMessage) => void
  /** Called once the socket is gone: the lock may go, at once, or better when the last message has been delivered. */
  readonly over: (how: "now" | "delivered") => void
}): Leader => {
  const { post, receiver, term } = options
  const followers = new Set<string>()
  const waiting = new Set<string>()
  const unconfirmed = new Map<string, number>()
  let link: Link | undefined
  let next = 0
  let pending: Array<{ readonly frame: string | Uint8Array; readonly size: number }> = []
  let over = false
  let hurried = false

  /** Frames of one turn travel as one message. */
  const flush = () => {
    if (pending.length === 0) return
    const batch = pending
    pending = []
    post({
      kind: "frames",
      term,
      first: next - batch.length,
      frames: batch.map(({ frame }) => packed(frame)),
      sizes: batch.map(({ size }) => size)
    })
  }

  const share = (frame: string | Uint8Array, size: number) => {
    next++
    if (followers.size === 0) return
    if (pending.length === 0) queueMicrotask(flush)
    pending.push({ frame, size })
  }

  const end = (error: ConnectionError.LinkError) => {
    over = true
    flush()
    post({ kind: "end", term, end: encodeEnd(error) })
    receiver.ended(error)
    options.over(hurried ? "now" : "delivered")
  }

  const welcome = (to: string, protocol: string) => {
    flush()
    followers.add(to)
    post({ kind: "welcome", term, to, protocol, next })
  }

  const confirm = () => {
    for (const [to, bytes] of unconfirmed) post({ kind: "wrote", term, to, bytes })
    unconfirmed.clear()
  }

  const receive = (message: TabMessage) => {
    if (over) return
    switch (message.kind) {
      case "join":
        if (link !== undefined) return welcome(message.from, link.protocol)
        waiting.add(message.from)
        return post({ kind: "beat", term, open: false })
      case "ask":
        return post({ kind: "beat", term, open: link !== undefined })
      case "write":
        if (message.term !== term || link === undefined) return
        link.write(message.frames)
        unconfirmed.set(message.from, (unconfirmed.get(message.from) ?? 0) + message.bytes)
        if (link.buffered() < options.highMark) confirm()
        return
      case "suspect":
        // A verdict holds only if the server has said nothing since to anybody.
        if (message.term === term && message.next === next) link?.terminate()
        return
      case "leave":
        if (message.term !== term) return
        followers.delete(message.from)
        return void unconfirmed.delete(message.from)
      default:
        return
    }
  }

  return {
    receive,
    receiver: {
      frame: (frame, size) => {
        receiver.frame(frame, size)
        share(frame, size)
      },
      ping: (payload) => receiver.ping(payload),
      pong: (payload) => receiver.pong(payload),
      drained: () => {
        confirm()
        receiver.drained()
      },
      ended: end
    },
    opened: (opened) => {
      link = opened
      if (!over) for (const to of waiting) welcome(to, opened.protocol)
      waiting.clear()
      return opened
    },
    resign: () => {
      if (over) return
      hurried = true
      if (link === undefined) options.over("now")
      else link.terminate()
    }
  }
}
