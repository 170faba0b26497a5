// An outbox with a fake link, a clock and everything it calls, all of them in
// plain sight: what went out, who was told what, which timers were asked for.
import { NotConnected, type SendError } from "../../src/ConnectionError.ts"
import type * as Meter from "../../src/internal/rateLimit/meter.ts"
import { type OutboxOwner, Outbox, type OutboxOptions, settings, Writer } from "../../src/internal/outbox/outbox.ts"
import { trackIn } from "../../src/internal/connection/use/track.ts"
import type { Frame } from "../../src/Message.ts"
import type * as Policy from "../../src/Outbox.ts"
import type { Link } from "../../src/Transport.ts"

export const closed = new NotConnected({ connection: "test", state: "Closed" })

interface WriterMore {
  readonly mark?: number
  readonly meter?: Meter.Meter
}

/** An outbox with its surroundings, all of them in plain sight. */
export const rig = (options: Partial<OutboxOptions<Frame, Frame>> = {}, state?: () => string) => {
  const self = {
    now: 0,
    armed: [] as Array<number>,
    losses: [] as Array<string>,
    waits: [] as Array<string>,
    log: [] as Array<string>,
    wire: [] as Array<Frame>,
    writes: 0,
    deferred: [] as Array<() => void>,
    buffered: 0,
    duringWrite: () => {},
    turn: (): void => self.deferred.splice(0).forEach((f) => f()),
    told: (): Array<string> => self.log.splice(0),
    sent: (): Array<Frame> => self.wire.splice(0),
    owner: undefined as unknown as OutboxOwner,
    link: undefined as unknown as Link,
    outbox: undefined as unknown as Outbox<Frame, Frame>,
    writer: (more: WriterMore = {}): Writer =>
      new Writer({
        link: self.link,
        mark: 100,
        meter: undefined,
        owner: self.owner,
        connection: "test",
        ...more
      }),
    attach: (more?: WriterMore): Writer => {
      const writer = self.writer(more)
      self.outbox.attach(writer)
      return writer
    },
    offer: (message: Frame, given?: Policy.SendOptions): (() => void) => {
      const name = typeof message === "string" ? message.slice(0, 10) : "bytes"
      const result = self.outbox.offer(message, given, (outcome) => {
        const more =
          outcome._tag === "Failed" ? ` ${outcome.error._tag}` : outcome._tag === "Dropped" ? ` ${outcome.reason}` : ""
        self.log.push(`${name} ${outcome._tag}${more}`)
      })
      if (typeof result === "function") return result
      self.log.push(`${name} refused ${result._tag}`)
      return () => {}
    },
    track: (message: Frame, given?: Policy.SendOptions): (() => void) => {
      const name = typeof message === "string" ? message.slice(0, 10) : "bytes"
      return trackIn(
        self.outbox,
        message,
        given,
        (error) => self.log.push(`${name} ${error === undefined ? "accepted" : `refused ${error._tag}`}`),
        (delivery) => {
          const more =
            delivery._tag === "Confirmed" ? ` ${delivery.by}` : delivery._tag === "Dropped" ? ` ${delivery.reason}` : ""
          self.log.push(`${name} ${delivery._tag}${more}`)
        }
      )
    }
  }
  self.owner = {
    mono: () => self.now,
    defer: (f) => self.deferred.push(f),
    armOutbox: (at) => self.armed.push(at),
    drop: (_, reason, count) => self.losses.push(`${reason} ${count}`),
    reports: { waiting: (reason) => self.waits.push(reason ?? "free") },
    stateName: state ?? (() => "Reconnecting")
  }
  self.link = {
    protocol: "",
    write: (frames) => {
      self.wire.push(...frames)
      self.writes++
      self.duringWrite()
    },
    ping: () => self.wire.push("<ping>"),
    buffered: () => self.buffered,
    received: () => 0,
    pause: () => {},
    resume: () => {},
    close: () => {},
    terminate: () => {}
  }
  self.outbox = new Outbox<Frame, Frame>({
    connection: "test",
    ...settings<Frame, Frame>({}),
    encode: (message) => message,
    ...options,
    owner: self.owner
  })
  return self
}

export const acks: Policy.Acks<Frame, Frame> = {
  id: (message) => {
    if (message === "throws") throw new Error("no")
    return typeof message === "string" && message.startsWith("#") ? message : undefined
  },
  match: (message) => {
    if (message === "throws") throw new Error("no")
    return typeof message === "string" ? message.split(",") : undefined
  }
}

export const tagOf = (result: unknown) => (result as SendError)._tag
