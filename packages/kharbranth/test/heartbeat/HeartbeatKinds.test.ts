/**
 * Proves what every kind of heartbeat can be asked, on a transport that can ping
 * and on one that cannot: for a round trip, and for a probe when somebody doubts
 * the session; that a connection without a heartbeat has its transport's; and
 * that a session dies of a `make` or a `reply` that makes nothing.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Frame } from "kharbranth/Message"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Capabilities } from "kharbranth/Transport"
import { settle } from "../support/passing.ts"

const url = "wss://feed.example/ws"

/** Answers what any of the heartbeats below asks. */
const answerOf = (frame: Frame): Frame =>
  typeof frame !== "string"
    ? frame
    : frame.startsWith("{")
      ? JSON.stringify({ pong: (JSON.parse(frame) as { readonly ping: number }).ping })
      : "pong"

const every = "1 hour"

const kinds = {
  ping: Heartbeat.ping({ every }),
  text: Heartbeat.text({ every }),
  json: Heartbeat.json({
    every,
    make: (id) => ({ ping: id }),
    match: (message, id) => (message as { readonly pong?: number }).pong === id
  }),
  frame: Heartbeat.frame({
    every,
    make: (id) => Uint8Array.of(id),
    match: (frame, id) => typeof frame !== "string" && frame[0] === id
  }),
  challenge: Heartbeat.challenge({ match: (frame) => frame === "there?", reply: () => "here" }),
  passive: Heartbeat.passive({ idle: "1 day" }),
  none: Heartbeat.none
}

const asksByFrame: ReadonlySet<string> = new Set(["text", "json", "frame"])

const rig = (heartbeat: Heartbeat.Heartbeat | undefined, options: TestNetwork.Options) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make(options)
    const server = yield* network.serve(url, (peer) =>
      peer.listen({ frame: (frame) => void (frame !== "here" && peer.sendUnsafe([answerOf(frame)])) })
    )
    const connection = yield* network.provide(Connection.make("feed", { target: url, codec: Codec.text, heartbeat }))
    const events: Array<ConnectionEvent> = []
    yield* Effect.forkScoped(Stream.runForEach(connection.events, (event) => Effect.sync(() => events.push(event))))
    yield* settle
    return { connection, peer: yield* server.accepted, tags: () => events.map(({ _tag }) => _tag), events }
  })

const asked = (heartbeat: Heartbeat.Heartbeat, platform: "node" | "browser") =>
  Effect.gen(function* () {
    const { connection, tags } = yield* rig(heartbeat, { seed: 1, platform })
    const ping = yield* Effect.forkScoped(Effect.exit(Connection.ping(connection)))
    yield* TestClock.adjust("1 second")
    const answered = Exit.isSuccess(yield* Fiber.join(ping))
    yield* connection.probe({ reason: "somebody doubts" })
    yield* TestClock.adjust("5 seconds")
    return { answered, tags: tags() }
  })

describe("every kind of heartbeat", () => {
  it.effect("can be asked where the transport can ping", () =>
    Effect.gen(function* () {
      for (const [kind, heartbeat] of Object.entries(kinds)) {
        const { answered, tags } = yield* asked(heartbeat, "node")
        assert.isTrue(answered, kind)
        assert.deepStrictEqual(
          tags.filter((tag) => tag !== "ControlReceived"),
          ["ProbeSent", "PulseSeen", "Suspected", "ProbeSent", "PulseSeen"],
          kind
        )
        assert.strictEqual(tags.includes("ControlReceived"), !asksByFrame.has(kind), kind)
      }
    })
  )

  it.effect("can be asked elsewhere if it has frames to ask with", () =>
    Effect.gen(function* () {
      for (const [kind, heartbeat] of Object.entries(kinds)) {
        if (kind === "ping") continue
        const { answered, tags } = yield* asked(heartbeat, "browser")
        assert.strictEqual(answered, asksByFrame.has(kind), kind)
        assert.deepStrictEqual(
          tags,
          asksByFrame.has(kind) ? ["ProbeSent", "PulseSeen", "Suspected", "ProbeSent", "PulseSeen"] : [],
          kind
        )
      }
      const refused = yield* Effect.exit(asked(kinds.ping, "browser"))
      assert.isTrue(Exit.isFailure(refused))
    })
  )

  it.effect("is the transport's where none is named", () =>
    Effect.gen(function* () {
      const pings = Heartbeat.ping({ every: "3 seconds" })
      const cases: ReadonlyArray<readonly [Capabilities["ping"], number, Heartbeat.Heartbeat]> = [
        [pings, 3, pings],
        [false, 0, Heartbeat.none]
      ]
      for (const [ping, probes, expected] of cases) {
        const { connection, tags } = yield* rig(undefined, { seed: 1, capabilities: { ping } })
        yield* Connection.update(connection, (policies) => {
          assert.strictEqual(policies.heartbeat, expected)
          return policies
        })
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual(tags().filter((tag) => tag === "PulseSeen").length, probes)
      }
    })
  )

  it.effect("ends a session for which it makes nothing", () =>
    Effect.gen(function* () {
      const broken = {
        make: Heartbeat.json({ every: "1 second", make: () => undefined, match: () => false }),
        reply: Heartbeat.challenge({
          match: () => true,
          reply: () => {
            throw new Error("bug")
          }
        })
      }
      for (const [maker, heartbeat] of Object.entries(broken)) {
        const { events, peer } = yield* rig(heartbeat, { seed: 1, platform: "browser" })
        yield* peer.send("there?")
        yield* TestClock.adjust("1500 millis")
        const error = events.find((event) => event._tag === "SessionEnded")?.error
        assert.strictEqual(error?._tag, "PingFailed", maker)
        assert.include(error?.message, `\`${maker}\` made nothing that can be sent`)
      }
    })
  )
})
