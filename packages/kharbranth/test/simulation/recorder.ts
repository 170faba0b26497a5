/**
 * A transport around a transport that writes down what passes: which message
 * was handed to which socket, what came by which, and when the core hung up.
 */
import * as Effect from "effect/Effect"
import type * as Transport from "kharbranth/Transport"
import * as History from "./history.ts"

export type Service = Transport.Transport["Service"]

const recordingLink = (
  link: Transport.Link,
  epoch: number,
  note: (fact: History.Fact) => void,
  mono: () => number
): Transport.Link => {
  let hungUp = false
  const hangUp = () => {
    if (hungUp) return
    hungUp = true
    note({ e: "hungUp", epoch, mono: mono() })
  }
  return {
    protocol: link.protocol,
    write: (frames) => {
      for (const frame of frames) note({ e: "wrote", epoch, n: History.numberOf(String(frame)), mono: mono() })
      link.write(frames)
    },
    ping: (payload) => {
      note({ e: "wrote", epoch, n: undefined, mono: mono() })
      link.ping(payload)
    },
    buffered: () => link.buffered(),
    received: () => link.received(),
    pause: () => link.pause(),
    resume: () => link.resume(),
    close: (code, reason) => {
      hangUp()
      link.close(code, reason)
    },
    terminate: () => {
      hangUp()
      link.terminate()
    }
  }
}

export const make = (inner: Service, note: (fact: History.Fact) => void, mono: () => number): Service => ({
  name: inner.name,
  capabilities: inner.capabilities,
  dial: (dial, receiver) => {
    const { epoch } = dial
    return Effect.map(
      inner.dial(dial, {
        frame: (frame, size) => {
          note({ e: "came", epoch, text: String(frame), mono: mono() })
          receiver.frame(frame, size)
        },
        ping: (payload) => receiver.ping(payload),
        pong: (payload) => {
          note({ e: "ponged", epoch, mono: mono() })
          receiver.pong(payload)
        },
        drained: () => receiver.drained(),
        ended: (error) => {
          note({ e: "over", epoch, mono: mono() })
          receiver.ended(error)
        }
      }),
      (link) => {
        note({ e: "linked", epoch })
        return recordingLink(link, epoch, note, mono)
      }
    )
  }
})
