/** A transport and a `fetch` that play a recording, on the clock of their program. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { ConnectionClosed, ConnectionDropped } from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import { type Dial, type Link, type Receiver, Transport } from "kharbranth/Transport"
import type { Line, ReplayOptions } from "../../Recording.ts"
import type * as Rest from "../../Rest.ts"
import { FetchFailed } from "../rest/errors.ts"
import { Fetch } from "../rest/fetch.ts"
import { addressOf, type Session, sessionsOf } from "./lines.ts"

const frameOf = ({ binary, data = "" }: Line): Frame =>
  binary === true ? Result.getOrElse(Base64.decode(data), () => new Uint8Array()) : data

const sizeOf = (frame: Frame): number => (typeof frame === "string" ? frame.length : frame.byteLength)

const endOf = ({ connection, epoch }: Dial, end: Line | undefined) =>
  end?.code === undefined
    ? new ConnectionDropped({ connection, epoch, cause: undefined })
    : new ConnectionClosed({
        connection,
        epoch,
        code: end.code,
        reason: Redacted.make(""),
        sentCode: undefined,
        initiator: "server"
      })

const closedByUs = ({ connection, epoch }: Dial, code: number) =>
  new ConnectionClosed({ connection, epoch, code, reason: Redacted.make(""), sentCode: code, initiator: "client" })

class Playing {
  readonly link: Link
  private readonly dial: Dial
  private readonly receiver: Receiver
  private received = 0
  private isOver = false

  constructor(dial: Dial, receiver: Receiver) {
    this.dial = dial
    this.receiver = receiver
    const nothing = () => {}
    this.link = {
      protocol: "",
      write: nothing,
      ping: nothing,
      buffered: () => 0,
      received: () => this.received,
      pause: nothing,
      resume: nothing,
      close: (code) => this.end(closedByUs(this.dial, code)),
      terminate: () => this.end(endOf(this.dial, undefined))
    }
  }

  /** Plays a session from now on, each frame at its time; without a recorded end it stays open. */
  play({ end, openedAt, received }: Session, speed: number): Effect.Effect<void> {
    const dueAt = ({ ts }: Line) => (Math.max(0, ts - openedAt) * 1000) / speed
    return Effect.flatMap(Clock.currentTimeMillis, (begun) => {
      const until = (due: number) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          begun + due > now ? Effect.sleep(Duration.millis(begun + due - now)) : Effect.void
        )
      const step = (line: Line) =>
        Effect.andThen(
          until(dueAt(line)),
          Effect.sync(() => this.say(frameOf(line)))
        )
      const ended =
        end === undefined
          ? Effect.void
          : Effect.andThen(
              until(dueAt(end)),
              Effect.sync(() => this.end(endOf(this.dial, end)))
            )
      return Effect.andThen(Effect.forEach(received, step, { discard: true }), ended)
    })
  }

  private say(frame: Frame): void {
    if (this.isOver) return
    const size = sizeOf(frame)
    this.received += size
    this.receiver.frame(frame, size)
  }

  private end(error: ConnectionClosed | ConnectionDropped): void {
    if (this.isOver) return
    this.isOver = true
    queueMicrotask(() => this.receiver.ended(error))
  }
}

const transportOf = (lines: ReadonlyArray<Line>, speed: number): Transport["Service"] => {
  const unplayed = [...sessionsOf(lines)]
  return {
    name: "recording",
    capabilities: { ping: false, pause: false, headers: false, bytes: false },
    dial: (dial, receiver) =>
      Effect.suspend(() => {
        const index = unplayed.findIndex(({ address }) => address === addressOf(dial.url))
        const [session] = index < 0 ? [] : unplayed.splice(index, 1)
        if (session === undefined) return Effect.never
        const playing = new Playing(dial, receiver)
        return Effect.as(Effect.forkScoped(playing.play(session, speed)), playing.link)
      })
  }
}

const fetchOf = (lines: ReadonlyArray<Line>, speed: number): Rest.Fetch => {
  const unplayed = lines.filter(({ t }) => t === "http")
  return ({ url }) =>
    Effect.suspend(() => {
      const index = unplayed.findIndex((line) => line.url === url)
      const [line] = index < 0 ? [] : unplayed.splice(index, 1)
      if (line === undefined) {
        return Effect.fail(new FetchFailed({ issue: "the recording has no such answer", cause: undefined }))
      }
      const { code = 200, data = "", took = 0 } = line
      const answer = { status: code, retryAfter: undefined, body: data }
      return Effect.delay(Effect.succeed(answer), Duration.millis((took * 1000) / speed))
    })
}

const clamped = (speed: number): number => Math.min(100, Math.max(1, speed))

export const replay = <A, E, R>(
  program: Effect.Effect<A, E, R>,
  lines: ReadonlyArray<Line>,
  options: ReplayOptions = {}
): Effect.Effect<A, E, Exclude<R, Transport>> =>
  Effect.suspend(() => {
    const speed = clamped(options.speed ?? 1)
    return program.pipe(
      Effect.provideService(Transport, transportOf(lines, speed)),
      Effect.provideService(Fetch, fetchOf(lines, speed))
    )
  })
