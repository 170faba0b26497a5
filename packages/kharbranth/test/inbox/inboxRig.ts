/**
 * What the tests of the inbox share: an inbox that writes down what it says,
 * sources that do, and short names for messages and markers.
 */
import * as Codec from "../../src/Codec.ts"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Public from "../../src/Inbox.ts"
import { Inbox, type Lane, type Options, type Source } from "../../src/internal/inbox/inbox.ts"
import { backpressure, type BackpressureOwner, controlBy } from "../../src/internal/transport/backpressure.ts"
import type { Frame } from "../../src/Message.ts"

/** A connection whose stall timer is told of when it is set, and goes off when `fire` is called. */
export const ownerOf = (told: { readonly armed: () => void; readonly stalled: (bytes: number) => void }) => {
  let fire = (): void => {}
  const owner: BackpressureOwner = {
    epoch: 1,
    options: {},
    deadlines: {
      of: (_, due) => {
        fire = due
        return { set: told.armed }
      }
    },
    mono: () => 0,
    reports: {
      emit: (event) => {
        const happened = event()
        if (happened._tag === "ReaderStalled") told.stalled(happened.bytes)
      }
    }
  }
  return { owner, fire: () => fire() }
}

interface RigOptions<In> extends Partial<Options<In>> {
  /** Whether the sources can pause. Default: they can. */
  readonly pauses?: boolean
}

/** An inbox with everything it says written down; `turn` ends a turn, `stall` the time of a reader. */
export const rig = <In>(codec: Codec.Codec<In, never>, { pauses = true, ...options }: RigOptions<In> = {}) => {
  const said: Array<string> = []
  const errors: Array<ConnectionError.ConnectionError> = []
  const deferred: Array<() => void> = []
  let now = 0
  const inbox = new Inbox<In>({
    connection: "prices",
    highWaterMark: 100,
    overflow: "fail",
    owner: {
      defer: (flush) => void deferred.push(flush),
      wall: () => ++now,
      drop: (_, reason, count) => void said.push(`dropped ${count} ${reason}`),
      fail: (error) => {
        said.push(`failed ${error._tag}`)
        errors.push(error)
      }
    },
    ...options
  })
  const { fire, owner } = ownerOf({
    armed: () => said.push("armed"),
    stalled: (bytes) => said.push(`stalled ${bytes}`)
  })
  if (pauses) inbox.pausing = controlBy(backpressure)(inbox, owner)
  return {
    inbox,
    stall: fire,
    said,
    errors,
    deferred,
    lane: (epoch: number): Lane<In> => ({ epoch, decoder: codec.decoder(), broken: false }),
    turn: () => {
      for (const each of deferred.splice(0)) each()
    }
  }
}

export const sourceOf = () => {
  const calls: Array<string> = []
  const source: Source = { pause: () => void calls.push("pause"), resume: () => void calls.push("resume") }
  return { source, calls }
}

export const pushAll = <In>(inbox: Inbox<In>, lane: Lane<In>, frames: ReadonlyArray<Frame>): void => {
  for (const frame of frames) inbox.push(lane, frame, frame.length)
}

/** A message of so many bytes. */
export const sized = (name: string, size: number): string => name.padEnd(size, ".")
export const names = (entries: ReadonlyArray<Public.Entry<string>> | undefined): ReadonlyArray<string> =>
  (entries ?? []).map((entry) =>
    entry._tag === "Message"
      ? entry.message.replace(/\.+$/, "")
      : entry._tag === "Lagged"
        ? `${entry.atMost ? "<=" : "-"}${entry.dropped}`
        : `${entry._tag}${entry.epoch}`
  )

export const opened = (epoch: number) => Public.sessionOpened({ epoch, rotated: false, possibleDuplicates: 0 })
export const lost = new ConnectionError.ConnectionDropped({ connection: "prices", epoch: 1, cause: undefined })
export const gap = (epoch: number) => Public.gap({ epoch, from: 0, to: 5, cause: lost, resumed: undefined })

/** JSON arrays of text: a frame is as many messages as it has elements, none for `[]`. */
export const several: Codec.Codec<string, never> = {
  encode: () => "",
  decoder: () => ({
    decode: (frames) => ({
      messages: frames.flatMap((frame) => JSON.parse(String(frame)) as Array<string>),
      failure: undefined
    }),
    onBadFrame: Codec.fail
  })
}
