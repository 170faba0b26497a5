// Proves that a server that breaks the rules on an open link costs one typed
// error in bounded time and memory: nothing hangs, nothing throws, nothing grows.
import { assert, describe, it } from "@effect/vitest"
import type { LinkError } from "kharbranth/ConnectionError"
import * as Effect from "effect/Effect"
import { connect, recorder } from "../support/client.ts"
import { hostile, spawnScoped } from "../support/process.ts"

const compressed = { proxy: false, compression: true } as const
const megabyte = 1_048_576
const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

const summary = (error: LinkError): ReadonlyArray<unknown> => {
  switch (error._tag) {
    case "ProtocolError":
      return [error._tag, error.code]
    case "ConnectionClosed":
      return [error._tag, error.code, error.initiator]
    case "ConnectionDropped":
      return [error._tag, error.cause?.label]
    case "MessageTooLarge":
      return [error._tag, error.max]
    default:
      return [error._tag]
  }
}

const cases: ReadonlyArray<readonly [path: string, expected: ReadonlyArray<unknown>]> = [
  ["/masked", ["ProtocolError", 1002]],
  ["/rsv", ["ProtocolError", 1002]],
  ["/rsv1", ["ProtocolError", 1002]],
  ["/opcode", ["ProtocolError", 1002]],
  ["/long-ping", ["ProtocolError", 1002]],
  ["/split-ping", ["ProtocolError", 1002]],
  ["/bad-close-code", ["ProtocolError", 1002]],
  ["/bad-utf8", ["ProtocolError", 1007]],
  ["/bad-deflate", ["ProtocolError", 1007]],
  ["/huge-length", ["MessageTooLarge", 1_024]],
  ["/too-large", ["MessageTooLarge", 1_024]],
  ["/fragments", ["ProtocolError", 1008]],
  ["/close-storm", ["ConnectionClosed", 1012, "server"]],
  ["/never-hangs-up", ["ConnectionClosed", 1012, "server"]],
  ["/close-flood", ["ConnectionClosed", 1013, "server"]],
  ["/no-status", ["ConnectionClosed", 1005, "server"]],
  ["/reset", ["ConnectionDropped", "ECONNRESET"]],
  ["/cut", ["ConnectionDropped", undefined]]
]

describe("hostile server", () => {
  it.live(
    "each misbehaviour ends the link with its error, within seconds",
    () =>
      Effect.gen(function* () {
        const origin = yield* hostile
        yield* Effect.forEach(
          cases,
          ([path, expected]) =>
            Effect.scoped(
              Effect.gen(function* () {
                const limits = { maxMessageSize: path === "/fragments" ? megabyte : 1_024 }
                const started = performance.now()
                const { receiver } = yield* connect(
                  origin + path,
                  limits,
                  path === "/bad-deflate" ? compressed : undefined
                )
                const error = yield* receiver.end
                assert.deepStrictEqual(summary(error), expected, path)
                assert.isBelow(performance.now() - started, 3_000, path)
              })
            ),
          { concurrency: "unbounded", discard: true }
        )
      }),
    30_000
  )

  it.live("frames before the offence are delivered before the end", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const { receiver } = yield* connect(`${origin}/good-then-bad`)
      yield* receiver.end
      assert.deepStrictEqual(receiver.frames(), ["xxx", "xxxx"])
      assert.deepStrictEqual(
        receiver.calls.map(({ call }) => call),
        ["frame", "frame", "ended"]
      )
    })
  )

  for (const [path, tag, what] of [
    ["/bomb", "MessageTooLarge", "a bomb of 256 MB"],
    ["/pings", "ProtocolError", "a flood of pings whose pongs nobody reads"],
    ["/fragments", "ProtocolError", "an endless message of tiny fragments"],
    ["/close-flood", "ConnectionClosed", "a flood after the close frame"],
    ["/header-flood", "DialFailed", "an endless head"],
    ["/endless-500", "HandshakeRejected", "an endless body"]
  ] as const) {
    it.live(
      `${what} ends as ${tag} in bounded memory`,
      () =>
        Effect.gen(function* () {
          const origin = yield* hostile
          const { ready } = yield* spawnScoped(new URL("../support/memory.ts", import.meta.url), origin + path)
          const [found, grown] = ready.split(" ")
          assert.strictEqual(found, tag)
          assert.isBelow(Number(grown), 32, "MB")
        }),
      30_000
    )
  }

  it.live("a flood is held back by pause within one read", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      let link: { pause(): void } | undefined
      let bytes = 0
      let afterPause = 0
      let paused = false
      const base = recorder(false)
      const connected = yield* connect(
        `${origin}/flood`,
        {},
        { proxy: false },
        {
          ...base,
          frame: (frame, size) => {
            bytes += size
            if (paused) afterPause += size
            else if (bytes >= megabyte && link !== undefined) {
              paused = true
              link.pause()
            }
            base.frame(frame, size)
          }
        }
      )
      link = connected.link
      yield* base.when(() => paused)
      const mark = connected.link.received()
      for (let i = 0; i < 200; i++) {
        yield* turn
      }
      const settled = connected.link.received()
      for (let i = 0; i < 200; i++) yield* turn
      assert.strictEqual(connected.link.received(), settled)
      assert.isAtMost(settled - mark, 2 * 65_536)
      assert.isAtMost(afterPause, 65_536)
    })
  )

  it.live("a close that the server never answers leaves terminate in force", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const { link, receiver } = yield* connect(`${origin}/never-closes`)
      link.close(1_000, "")
      link.terminate()
      assert.strictEqual((yield* receiver.end)._tag, "ConnectionDropped")
    })
  )

  it.live("a message that drips in moves received() long before it is complete", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const { link, receiver } = yield* connect(`${origin}/drip-frame`)
      const seen = new Set<number>()
      while (receiver.frames().length === 0) {
        seen.add(link.received())
        yield* turn
      }
      assert.isAbove(seen.size, 10)
    })
  )

  it.live("a reset while we write is a WriteError or a ConnectionDropped, once", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const { link, receiver } = yield* connect(`${origin}/reset-on-data`)
      link.write([new Uint8Array(megabyte)])
      const error = yield* receiver.end
      assert.include(["WriteError", "ConnectionDropped"], error._tag)
      assert.strictEqual(receiver.calls.filter(({ call }) => call === "ended").length, 1)
    })
  )

  it.live("a paused link that writes learns of the peer's death", () =>
    Effect.gen(function* () {
      const origin = yield* hostile
      const { link, receiver } = yield* connect(`${origin}/reset-on-data`)
      link.pause()
      link.write(["go away"])
      const write: Effect.Effect<void> = Effect.suspend(() => {
        if (receiver.calls.length > 0) return Effect.void
        link.write(["are you there?"])
        return Effect.flatMap(turn, () => write)
      })
      yield* write
      assert.include(["WriteError", "ConnectionDropped"], (yield* receiver.end)._tag)
    })
  )
})
