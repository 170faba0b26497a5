/**
 * Joins an open link to its channel. Frames go to the channel and no further;
 * the core only counts the bytes that arrive. A polite end begins with the hub's
 * Close, and the channel may end the link for a reason of its own.
 */
import * as Effect from "effect/Effect"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial, Link, Receiver, Transport } from "kharbranth/Transport"
import type { TransportName } from "../../TransportChoice.ts"
import type { Channel } from "../channel/channel.ts"
import { readError } from "./carriers.ts"

export interface JoinOptions {
  readonly name: TransportName
  readonly transport: Transport["Service"]
  readonly channel: Channel
  readonly dial: Dial
  readonly receiver: Receiver
}

/** Dials and joins. */
export const join = Effect.fnUntraced(function* ({ channel, dial, name, receiver, transport }: JoinOptions) {
  const canPause = transport.capabilities.pause !== false
  let over = false
  let frames = 0

  const ended = (error: ConnectionError.LinkError) => {
    if (over) return
    over = true
    channel.detach(error)
    receiver.ended(error)
  }

  const link = yield* transport.dial(dial, {
    frame: (frame, size) => {
      if (over) return
      frames++
      channel.options.owner.read(size)
      channel.receive(frame)
    },
    ping: (payload) => receiver.ping(payload),
    pong: (payload) => receiver.pong(payload),
    drained: () => {
      if (over) return
      channel.wake()
      receiver.drained()
    },
    ended
  })
  channel.attach({
    link,
    canPause,
    resumable: name === "WebSockets",
    // Polls and the questions between them show life.
    quiet: name === "LongPolling",
    high: dial.writeMark.high,
    end: (error) => {
      // The peer is done; what is left of the socket goes with the session's scope.
      link.close(1000, "")
      ended(readError(dial.connection, dial.epoch, error))
    }
  })

  const joined: Link = {
    protocol: link.protocol,
    write: (frames) => link.write(frames),
    ping: (payload) => link.ping(payload),
    buffered: () => link.buffered(),
    // While the socket is held back, silence is our own doing.
    received: () => (channel.held ? ++frames : transport.capabilities.bytes ? link.received() : frames),
    pause: () => {},
    resume: () => {},
    close: (code, reason) => {
      channel.leave()
      link.resume()
      link.close(code, reason)
    },
    terminate: () => {
      // The core has given the link up: there is nothing to resume. A link over HTTP may take a while to end.
      if (!over) {
        channel.stop()
        channel.detach(
          new ConnectionError.ConnectionDropped({ connection: dial.connection, epoch: dial.epoch, cause: undefined })
        )
      }
      link.terminate()
    }
  }
  return joined
})
