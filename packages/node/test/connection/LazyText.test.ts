// Proves that a codec that asks for it gets text as bytes on real sockets, before
// and after a session is ready; that hooks and heartbeats still see strings; and
// that a codec that does not ask gets strings. Without a hook, a heartbeat of texts
// makes no strings while no probe waits.
import { assert, describe, it } from "@effect/vitest"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Frame } from "kharbranth/Message"
import { vi } from "vitest"
import { BytesText } from "../../src/internal/frames/lazyText.ts"
import { serve } from "../support/wsServer.ts"

const provided = Effect.provide(NodeTransport.layerWith({ proxy: false }))

const jsonMatches = (message: unknown, id: number): boolean => (message as { readonly id: number }).id === id
const frameMatches = (frame: Frame, id: number): boolean => frame === `{"id":${id}}`

const answering = (said: Array<string>) =>
  serve((ws) => {
    ws.send("welcome")
    ws.on("message", (data: Buffer) => {
      said.push(String(data))
      ws.send(String(data) === "beat" ? "alive" : `echo ${String(data)}`)
    })
  })

describe("lazy text", () => {
  it.live("arrives as bytes in onOpen and in the stream, as strings in hooks and heartbeats", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const texts: Array<unknown> = []
      const server = yield* answering(said)
      const connection = yield* Connection.make("lazy", {
        target: server.url,
        codec: Codec.lazyText,
        heartbeat: Heartbeat.text({ probe: "beat", pulse: "alive", every: "50 millis" }),
        hooks: { onText: (text) => Effect.sync(() => texts.push(text)) },
        onOpen: (session) => session.receive((text) => text.startsWith("welcome"))
      })
      yield* connection.send("é")
      const [first] = yield* Stream.runCollect(Stream.take(connection.stream, 1))
      assert.isFalse(typeof first === "string")
      assert.isTrue(first!.startsWith("echo "))
      assert.strictEqual(first!.slice(first!.indexOf(" ") + 1), "é")
      yield* Effect.sleep("1 millis").pipe(
        Effect.repeat({ until: () => said.filter((text) => text === "beat").length > 2 })
      )
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      assert.isTrue(texts.every((text) => typeof text === "string"))
      assert.includeMembers(texts, ["welcome", "echo é"])
    }).pipe(provided)
  )

  it.live("stays bytes under a heartbeat of texts whose probe is not due", () =>
    Effect.gen(function* () {
      const server = yield* answering([])
      const read = vi.spyOn(BytesText.prototype, "toString")
      yield* Effect.addFinalizer(() => Effect.sync(() => read.mockRestore()))
      const connection = yield* Connection.make("unread", {
        target: server.url,
        codec: Codec.lazyText,
        heartbeat: Heartbeat.text({ probe: "beat", pulse: "alive", every: "1 hour" })
      })
      yield* connection.send("é")
      const echo = yield* Stream.runHead(Stream.filter(connection.stream, (text) => text.startsWith("echo ")))
      assert.strictEqual(echo._tag, "Some")
      assert.strictEqual(read.mock.calls.length, 0)
    }).pipe(provided)
  )

  for (const [what, heartbeat] of [
    ["a JSON heartbeat", Heartbeat.json({ make: (id) => ({ id }), match: jsonMatches, every: "20 millis" })],
    ["frames of one's own", Heartbeat.frame({ make: (id) => `{"id":${id}}`, match: frameMatches, every: "20 millis" })]
  ] as const) {
    it.live(`${what} hears its answers among lazy texts`, () =>
      Effect.gen(function* () {
        const server = yield* serve((ws) => ws.on("message", (data: Buffer) => ws.send(String(data))))
        const connection = yield* Connection.make("beating", { target: server.url, codec: Codec.lazyText, heartbeat })
        yield* Stream.runHead(Stream.filter(connection.events, ({ _tag }) => _tag === "PulseSeen"))
      }).pipe(provided)
    )
  }

  it.live("a challenge that comes as lazy text is answered", () =>
    Effect.gen(function* () {
      const said: Array<string> = []
      const server = yield* serve((ws) => {
        ws.on("message", (data: Buffer) => {
          said.push(String(data))
          ws.send("done")
        })
        ws.send("challenge 7")
      })
      const heartbeat = Heartbeat.challenge({
        match: (frame) => typeof frame === "string" && frame.startsWith("challenge"),
        reply: (frame) => `reply to ${typeof frame === "string" ? frame : "bytes"}`
      })
      const connection = yield* Connection.make("asked", { target: server.url, codec: Codec.lazyText, heartbeat })
      assert.strictEqual(String(yield* connection.receive), "done")
      assert.deepStrictEqual(said, ["reply to challenge 7"])
    }).pipe(provided)
  )

  it.live("a codec of one's own leaves unread what it does not want, and its failures are typed", () =>
    Effect.gen(function* () {
      const server = yield* answering([])
      const codec = Codec.makeLazy({
        encode: (text: string) => text,
        decode: (frame) => {
          if (frame instanceof Uint8Array || frame.startsWith("echo bad"))
            return new Codec.Failure("not a text of ours")
          return frame.startsWith("echo ") ? frame.slice(5) : undefined
        },
        onDecodeError: "skip"
      })
      const connection = yield* Connection.make("own", { target: server.url, codec })
      for (const text of ["one", "bad", "two"]) yield* connection.send(text)
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(connection.stream, 3)), [undefined, "one", "two"])
    }).pipe(provided)
  )

  it.live("a codec that does not ask gets strings", () =>
    Effect.gen(function* () {
      const server = yield* answering([])
      const connection = yield* Connection.make("plain", { target: server.url, codec: Codec.text })
      assert.strictEqual(yield* connection.receive, "welcome")
    }).pipe(provided)
  )
})
