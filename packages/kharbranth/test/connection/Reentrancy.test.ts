/**
 * Proves that a connection keeps its order when a transport answers inside the
 * call: a dial that is open, and even over, before it returns. The state comes
 * first, then what follows from it: messages are written once and to the right
 * session, each interruption shows exactly one Gap, and nothing early is lost.
 * Also that a new target is dialed, whatever the old one's endpoints did.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Transport from "../../src/Transport.ts"

interface Dialed {
  readonly url: string
  readonly written: Array<unknown>
  readonly receiver: Transport.Receiver
  /** The peer cuts the socket. */
  readonly cut: () => void
}

type Script = (dialed: Dialed) => "open" | "refuse" | "end at once"

/** A platform whose dials are over before they return, and whose closes are answered within the call. */
const platform = (script: Script) => {
  const dials: Array<Dialed> = []
  const open: Transport.Open = ({ connection, epoch, url }, receiver, resume) => {
    let isOver = false
    const end = (error: ConnectionError.LinkError) => {
      if (isOver) return
      isOver = true
      receiver.ended(error)
    }
    const dropped = () => end(new ConnectionError.ConnectionDropped({ connection, epoch, cause: undefined }))
    const dialed: Dialed = { url, written: [], receiver, cut: dropped }
    dials.push(dialed)
    const link: Transport.Link = {
      protocol: "",
      write: (frames) => void dialed.written.push(...frames),
      ping: () => {},
      buffered: () => 0,
      received: () => 0,
      pause: () => {},
      resume: () => {},
      close: (code) =>
        end(
          new ConnectionError.ConnectionClosed({
            connection,
            epoch,
            code,
            reason: Redacted.make(""),
            sentCode: code,
            initiator: "client"
          })
        ),
      terminate: dropped
    }
    const verdict = script(dialed)
    if (verdict === "refuse") {
      const response = Redacted.make({ headers: {}, body: "" })
      const refused = { connection, endpoint: url, status: 404, retryAfter: undefined, response }
      resume(Effect.fail(new ConnectionError.HandshakeRejected(refused)))
    } else {
      resume(Effect.succeed(link))
      if (verdict === "end at once") dropped()
    }
    return dropped
  }
  const transport = Transport.Transport.of({
    name: "synchronous",
    capabilities: { ping: false, pause: false, headers: false, bytes: false },
    dial: Transport.fromCallback(open)
  })
  return { dials, provide: Effect.provideService(Transport.Transport, transport) }
}

const options = {
  target: "wss://feed.example/",
  codec: Codec.text,
  heartbeat: Heartbeat.none,
  reconnect: Reconnect.make({ schedule: Reconnect.exponential({ base: "1 second", factor: 1, jitter: 0 }).schedule }),
  startup: "background"
} as const

/** Everything that a reader sees, in short. */
const reading = (connection: Connection.Connection<string, string>) =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    yield* connection.entries.pipe(
      Stream.runForEach((entry) =>
        Effect.sync(() => {
          if (entry._tag === "Message") seen.push(entry.message)
          else if (entry._tag === "Lagged") seen.push("Lagged")
          else seen.push(`${entry._tag} ${entry.epoch}`)
        })
      ),
      Effect.forkScoped({ startImmediately: true })
    )
    return seen
  })

describe("a dial that answers within the call", () => {
  it.effect("carries the send that started a lazy connection, once", () =>
    Effect.gen(function* () {
      const { dials, provide } = platform(() => "open")
      const connection = yield* provide(Connection.make("feed", { ...options, startup: "lazy" }))
      assert.strictEqual(dials.length, 0)
      yield* connection.send("one")
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      yield* connection.send("two")
      assert.deepStrictEqual(
        dials.map(({ written }) => written),
        [["one", "two"]]
      )
    })
  )

  it.effect("delivers what came with the open socket behind the marker of its session", () =>
    Effect.gen(function* () {
      const { provide } = platform(({ receiver }) => {
        receiver.frame("early", 5)
        return "open"
      })
      const connection = yield* provide(Connection.make("feed", options))
      const seen = yield* reading(connection)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, ["SessionOpened 1", "early"])
    })
  )

  it.effect("restarts by breakFirst with one Gap, and holds no message back", () =>
    Effect.gen(function* () {
      const { dials, provide } = platform(() => "open")
      const connection = yield* provide(Connection.make("feed", options))
      const seen = yield* reading(connection)
      yield* connection.send("before")
      dials[0]!.receiver.frame("a", 1)
      yield* TestClock.adjust(1)
      yield* connection.restart({ mode: "breakFirst" })
      const state = connection.state.getUnsafe()
      assert.isTrue(state._tag === "Connected" && state.epoch === 2)
      yield* connection.send("after")
      dials[1]!.receiver.frame("b", 1)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(
        dials.map(({ written }) => written),
        [["before"], ["after"]]
      )
      assert.deepStrictEqual(seen, ["SessionOpened 1", "a", "Gap 2", "SessionOpened 2", "b"])
    })
  )

  it.effect("rotates without a Gap: writes swap at once, the old session delivers until the overlap is over", () =>
    Effect.gen(function* () {
      const { dials, provide } = platform(() => "open")
      const connection = yield* provide(Connection.make("feed", options))
      const seen = yield* reading(connection)
      yield* connection.send("before")
      yield* connection.rotate()
      yield* connection.send("after")
      dials[0]!.receiver.frame("old", 3)
      dials[1]!.receiver.frame("new", 3)
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(seen, ["SessionOpened 1", "old"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["SessionOpened 1", "old", "SessionOpened 2", "new"])
      assert.deepStrictEqual(
        dials.map(({ written }) => written),
        [["before"], ["after"]]
      )
    })
  )

  it.effect("loses nothing of a session that is over before it could begin", () =>
    Effect.gen(function* () {
      let first = true
      const { dials, provide } = platform(({ receiver }) => {
        if (!first) return "open"
        first = false
        receiver.frame("last words", 10)
        return "end at once"
      })
      const connection = yield* provide(Connection.make("feed", options))
      const seen = yield* reading(connection)
      const sending = yield* Effect.forkScoped(connection.send("held"), { startImmediately: true })
      assert.strictEqual(connection.state.getUnsafe()._tag, "Reconnecting")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(sending)
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
      assert.deepStrictEqual(
        dials.map(({ written }) => written),
        [[], ["held"]]
      )
      assert.deepStrictEqual(seen, ["SessionOpened 1", "last words", "Gap 2", "SessionOpened 2"])
    })
  )

  it.effect("closes within the call and leaves nothing", () =>
    Effect.gen(function* () {
      const { provide } = platform(() => "open")
      const connection = yield* provide(Connection.make("feed", options))
      yield* connection.close
      assert.deepStrictEqual(connection.state.getUnsafe(), { _tag: "Disconnected", reason: "Closed" })
    })
  )
})

describe("a new target", () => {
  const dialed = (dials: ReadonlyArray<Dialed>) => dials.map(({ url }) => new URL(url).hostname[0])

  it.effect("is dialed after the next loss, although every url of the old one but one was refused", () =>
    Effect.gen(function* () {
      const { dials, provide } = platform(({ url }) => (url.includes("a.example") ? "refuse" : "open"))
      const target = { url: ["wss://a.example/", "wss://b.example/"] }
      const connection = yield* provide(Connection.make("feed", { ...options, target }))
      yield* TestClock.adjust("1 second")
      yield* Connection.update(connection, (policies) => ({ ...policies, target: "wss://c.example/" }))
      assert.deepStrictEqual(dialed(dials), ["a", "b"])
      dials[1]!.cut()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(dialed(dials), ["a", "b", "c"])
      assert.strictEqual(connection.state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("is dialed by a rotation, and keeps all its urls when the old one's session is refused", () =>
    Effect.gen(function* () {
      const { dials, provide } = platform(() => "open")
      const connection = yield* provide(Connection.make("feed", { ...options, target: "wss://a.example/" }))
      const target = { url: ["wss://b.example/", "wss://c.example/"] }
      yield* Connection.update(connection, (policies) => ({ ...policies, target }))
      yield* connection.rotate()
      dials[1]!.cut()
      yield* TestClock.adjust("1 second")
      dials[2]!.cut()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(dialed(dials), ["a", "b", "c", "b"])
    })
  )
})
