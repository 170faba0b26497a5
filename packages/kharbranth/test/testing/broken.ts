/**
 * Transports that break their contract in one way each, and the case of the
 * conformance suite that must catch it.
 */
import * as Effect from "effect/Effect"
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type * as Transport from "kharbranth/Transport"

export type Service = Transport.Transport["Service"]

export interface Broken {
  readonly fault: string
  readonly caughtBy: string
  readonly change: (transport: Service) => Service
}

type OnLink = (link: Transport.Link, receiver: Transport.Receiver) => Partial<Transport.Link>

const withLink =
  (change: OnLink) =>
  (transport: Service): Service => ({
    ...transport,
    dial: (dial, receiver) =>
      Effect.map(transport.dial(dial, receiver), (link) => ({ ...link, ...change(link, receiver) }))
  })

const withReceiver =
  (change: (receiver: Transport.Receiver) => Partial<Transport.Receiver>) =>
  (transport: Service): Service => ({
    ...transport,
    dial: (dial, receiver) => transport.dial(dial, { ...receiver, ...change(receiver) })
  })

const withDial =
  (change: (dial: Transport.Dial) => Partial<Transport.Dial>) =>
  (transport: Service): Service => ({
    ...transport,
    dial: (dial, receiver) => transport.dial({ ...dial, ...change(dial) }, receiver)
  })

const withError =
  (change: (error: ConnectionError.DialError, dial: Transport.Dial) => ConnectionError.DialError) =>
  (transport: Service): Service => ({
    ...transport,
    dial: (dial, receiver) => Effect.mapError(transport.dial(dial, receiver), (error) => change(error, dial))
  })

const failed = (endpoint: string) =>
  new ConnectionError.DialFailed({
    connection: "conformance",
    kind: "unknown",
    endpoint,
    cause: ConnectionError.foreign("broken")
  })

const encoder = new TextEncoder()
const shared = new Uint8Array(1 << 17)
const nothing = () => {}

const intoShared = (frame: Frame): Frame => {
  if (typeof frame === "string") return frame
  shared.set(frame)
  return shared.subarray(0, frame.length)
}

export const broken: ReadonlyArray<Broken> = [
  {
    fault: "ends twice",
    caughtBy: "a cut connection is ConnectionDropped or ReadError",
    change: withReceiver((receiver) => ({
      ended: (error) => {
        receiver.ended(error)
        receiver.ended(error)
      }
    }))
  },
  {
    fault: "ends before the last frames",
    caughtBy: "frames sent before a close are delivered before the end",
    change: withReceiver((receiver) => {
      let kept: Frame | undefined
      const deliver = (frame: Frame | undefined) => (frame === undefined ? undefined : receiver.frame(frame, 1))
      return {
        frame: (frame) => {
          deliver(kept)
          kept = frame
        },
        ended: (error) => {
          receiver.ended(error)
          deliver(kept)
        }
      }
    })
  },
  {
    fault: "is deaf right behind the upgrade",
    caughtBy: "frames right behind the upgrade are not lost",
    change: (transport) => ({
      ...transport,
      dial: (dial, receiver) => {
        let deaf = true
        const listening: Transport.Receiver = {
          ...receiver,
          frame: (frame, size) => (deaf ? undefined : receiver.frame(frame, size))
        }
        const listen = Effect.sync(() => {
          deaf = false
        })
        return Effect.tap(transport.dial(dial, listening), () => Effect.andThen(Effect.yieldNow, listen))
      }
    })
  },
  {
    fault: "gives text as bytes",
    caughtBy: "round trip: one character",
    change: withReceiver((receiver) => ({
      frame: (frame, size) => receiver.frame(typeof frame === "string" ? encoder.encode(frame) : frame, size)
    }))
  },
  {
    fault: "counts characters, not bytes",
    caughtBy: "round trip: unicode text",
    change: withReceiver((receiver) => ({ frame: (frame) => receiver.frame(frame, frame.length) }))
  },
  {
    fault: "lets bytes overtake text",
    caughtBy: "1,000 frames arrive at the client in order",
    change: withReceiver((receiver) => ({
      frame: (frame, size) =>
        typeof frame === "string" ? queueMicrotask(() => receiver.frame(frame, size)) : receiver.frame(frame, size)
    }))
  },
  {
    fault: "reuses its read buffer",
    caughtBy: "received bytes do not change when more arrives",
    change: withReceiver((receiver) => ({ frame: (frame, size) => receiver.frame(intoShared(frame), size) }))
  },
  {
    fault: "sends the whole buffer behind a view",
    caughtBy: "a view into a larger buffer is sent as that part alone",
    change: withLink((link) => ({
      write: (frames) =>
        link.write(frames.map((frame) => (typeof frame === "string" ? frame : new Uint8Array(frame.buffer))))
    }))
  },
  {
    fault: "does not know the message limit",
    caughtBy: "bytes beyond the allowed size ends the link with MessageTooLarge",
    change: withDial(() => ({ maxMessageSize: Infinity }))
  },
  {
    fault: "never says drained",
    caughtBy: "buffered grows while the server does not read, and drained comes once at the low mark",
    change: withReceiver(() => ({ drained: nothing }))
  },
  {
    fault: "says drained after every write",
    caughtBy: "drained is not called below the high mark",
    change: withLink((link, receiver) => ({
      write: (frames) => {
        link.write(frames)
        queueMicrotask(() => receiver.drained())
      }
    }))
  },
  {
    fault: "does not pause",
    caughtBy: "pause holds frames back, resume lets them come, in order",
    change: withLink(() => ({ pause: nothing }))
  },
  {
    fault: "loses the payload of a ping",
    caughtBy: "a ping is answered with its payload",
    change: withLink((link) => ({ ping: () => link.ping(new Uint8Array(0)) }))
  },
  {
    fault: "sees no life in a message that is not complete",
    caughtBy: "received grows before a large message is complete",
    change: (transport) => ({
      ...transport,
      dial: (dial, receiver) => {
        let frames = 0
        const counting: Transport.Receiver = {
          ...receiver,
          frame: (frame, size) => {
            frames++
            receiver.frame(frame, size)
          }
        }
        return Effect.map(transport.dial(dial, counting), (link) => ({ ...link, received: () => frames }))
      }
    })
  },
  {
    fault: "ignores terminate",
    caughtBy: "terminate ends the link, and the server notices",
    change: withLink(() => ({ terminate: nothing }))
  },
  {
    fault: "forgets the code that it sent",
    caughtBy: "a client's close reaches the server and ends the link once",
    change: withReceiver((receiver) => ({
      ended: (error) =>
        receiver.ended(
          error._tag === "ConnectionClosed"
            ? new ConnectionError.ConnectionClosed({
                connection: error.connection,
                epoch: error.epoch,
                code: error.code,
                reason: error.reason,
                initiator: error.initiator,
                sentCode: undefined
              })
            : error
        )
    }))
  },
  {
    fault: "takes a cut for a clean close",
    caughtBy: "a cut connection is ConnectionDropped or ReadError",
    change: withReceiver((receiver) => ({
      ended: ({ connection, epoch }) =>
        receiver.ended(new ConnectionError.ProtocolError({ connection, epoch, code: 1002, issue: "unclear" }))
    }))
  },
  {
    fault: "cannot be interrupted",
    caughtBy: "a dial that hangs can be interrupted and leaves nothing behind",
    change: (transport) => ({
      ...transport,
      dial: (dial, receiver) => Effect.uninterruptible(transport.dial(dial, receiver))
    })
  },
  {
    fault: "sends no headers",
    caughtBy: "request headers arrive at the server",
    change: withDial(() => ({ headers: {} }))
  },
  {
    fault: "claims the first subprotocol that it offered",
    caughtBy: "the subprotocol that the server chose is the link's",
    change: (transport) => ({
      ...transport,
      dial: (dial, receiver) =>
        Effect.map(transport.dial(dial, receiver), (link) => ({ ...link, protocol: dial.subprotocols[0] ?? "" }))
    })
  },
  {
    fault: "hides why an upgrade was refused",
    caughtBy: "a refused upgrade shows status 503 and Retry-After",
    change: withError((error) => (error._tag === "HandshakeRejected" ? failed(error.endpoint) : error))
  },
  {
    fault: "dies of a bad url",
    caughtBy: "a url that cannot be dialed is a typed failure",
    change: (transport) => ({
      ...transport,
      dial: (dial, receiver) =>
        URL.canParse(dial.url) ? transport.dial(dial, receiver) : Effect.die(new SyntaxError("Invalid URL"))
    })
  },
  {
    fault: "prints the whole url",
    caughtBy: "no failure of a dial shows a secret of the url",
    change: withError((error, dial) => (error._tag === "DialFailed" ? failed(dial.url) : error))
  },
  {
    fault: "keeps the url inside its error",
    caughtBy: "no failure of a dial shows a secret of the url",
    change: withError((error, dial) => Object.assign(error, { event: { target: { url: dial.url } } }))
  }
]
