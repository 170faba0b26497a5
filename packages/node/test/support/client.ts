/**
 * Dials at the transport's level with a receiver that records everything, so
 * that a test can say what arrived, in which order, and how it ended.
 */
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import type { LinkError } from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type { Dial, Receiver } from "kharbranth/Transport"
import * as Effect from "effect/Effect"

export type Call =
  | { readonly call: "frame"; readonly frame: Frame; readonly size: number }
  | { readonly call: "ping" | "pong"; readonly payload: Uint8Array }
  | { readonly call: "drained" }
  | { readonly call: "ended"; readonly error: LinkError }

export interface Recorder extends Receiver {
  readonly calls: Array<Call>
  readonly frames: () => Array<Frame>
  /** Completes once the recorded calls satisfy the predicate. */
  readonly when: (predicate: (calls: ReadonlyArray<Call>) => boolean) => Effect.Effect<void>
  /** Completes with the error that the link ended with. */
  readonly end: Effect.Effect<LinkError>
}

export const recorder = (keep = true): Recorder => {
  const calls: Array<Call> = []
  const waiters = new Set<() => void>()
  const add = (call: Call) => {
    if (keep || call.call === "ended") calls.push(call)
    for (const waiter of waiters) waiter()
  }
  const when: Recorder["when"] = (predicate) =>
    Effect.callback((resume) => {
      const check = () => {
        if (!predicate(calls)) return
        waiters.delete(check)
        resume(Effect.void)
      }
      waiters.add(check)
      check()
      return Effect.sync(() => waiters.delete(check))
    })
  const ending = () => calls.find((call) => call.call === "ended")
  return {
    calls,
    when,
    frames: () => calls.flatMap((call) => (call.call === "frame" ? [call.frame] : [])),
    end: Effect.map(
      when(() => ending() !== undefined),
      () => ending()!.error
    ),
    frame: (frame, size) => add({ call: "frame", frame, size }),
    ping: (payload) => add({ call: "ping", payload }),
    pong: (payload) => add({ call: "pong", payload }),
    drained: () => add({ call: "drained" }),
    ended: (error) => add({ call: "ended", error })
  }
}

export const dialOf = (url: string, overrides: Partial<Dial> = {}): Dial => ({
  connection: "test",
  epoch: 1,
  url,
  subprotocols: [],
  headers: {},
  maxMessageSize: 1_048_576,
  writeMark: { high: 65_536, low: 16_384 },
  ...overrides
})

/** Dials with the transport of these options; the link lives in the test's scope. */
export const connect = Effect.fnUntraced(function* (
  url: string,
  overrides: Partial<Dial> = {},
  options: NodeTransport.Options = { proxy: false },
  receiver: Recorder = recorder()
) {
  const link = yield* NodeTransport.make(options).dial(dialOf(url, overrides), receiver)
  return { link, receiver }
})

/** The error that a dial fails with. */
export const refusal = (
  url: string,
  overrides: Partial<Dial> = {},
  options: NodeTransport.Options = { proxy: false }
) => Effect.scoped(Effect.flip(connect(url, overrides, options)))
