// Proves the transport on a well-behaved server: what is sent arrives unchanged
// both ways, writes of one turn are coalesced, marks and pauses give
// backpressure.
import { assert, describe, it } from "@effect/vitest"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import { backpressure, httpHeaders, Transport } from "kharbranth/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { inspect } from "node:util"
import { connect, dialOf, recorder } from "../support/client.ts"
import { echo, nextMessage, serve } from "../support/wsServer.ts"

const frameCount = (n: number) => (calls: ReadonlyArray<{ readonly call: string }>) =>
  calls.filter(({ call }) => call === "frame").length >= n

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

const firstWait = (cadence: Schedule.Schedule<unknown> | undefined) =>
  Effect.gen(function* () {
    const step = yield* Schedule.toStep(cadence!)
    const [, wait] = yield* step(0, undefined)
    return Duration.toMillis(wait)
  })

describe("NodeTransport", () => {
  it.effect("layer - provides a transport that can do everything", () =>
    Effect.gen(function* () {
      const transport = yield* Transport
      assert.strictEqual(transport.name, "ws")
      const { ping, ...others } = transport.capabilities
      assert.deepStrictEqual(others, { pause: backpressure, headers: httpHeaders, bytes: true, compression: true })
      assert.isNotFalse(ping)
      // Two schedules are never the same value: they are compared by what they do.
      const { cadence, ...heartbeat } = ping
      const { cadence: expected, ...rest } = Heartbeat.ping()
      assert.deepStrictEqual(heartbeat, rest)
      assert.deepStrictEqual(yield* firstWait(cadence), yield* firstWait(expected))
    }).pipe(Effect.provide(NodeTransport.layer))
  )

  it.live("frames - text and binary come back unchanged, with their size on the wire", () =>
    Effect.gen(function* () {
      const { url } = yield* serve(echo)
      const { link, receiver } = yield* connect(url)
      const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 251)
      const copy = bytes.slice()
      link.write(["héllo €", "", bytes, new Uint8Array(0)])
      yield* receiver.when(frameCount(4))
      const calls = receiver.calls.flatMap((call) => (call.call === "frame" ? [call] : []))
      assert.deepStrictEqual(
        calls.map(({ size }) => size),
        [10, 0, 70_000, 0]
      )
      assert.strictEqual(calls[0]!.frame, "héllo €")
      assert.strictEqual(calls[1]!.frame, "")
      assert.isTrue(calls[2]!.frame instanceof Uint8Array)
      assert.isTrue(Buffer.from(bytes).equals(calls[2]!.frame as Uint8Array))
      assert.deepStrictEqual(bytes, copy, "masking must not touch the caller's bytes")
      assert.isTrue(calls[3]!.frame instanceof Uint8Array)
    })
  )

  it.live("dial - sends headers, path, query and subprotocols; says which subprotocol was chosen", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link } = yield* connect(`${server.url}/path?q=1`, {
        headers: { "Authorization": "Bearer abc", "X-Custom": "1" },
        subprotocols: ["one", "two"]
      })
      const { request } = yield* server.peer()
      assert.strictEqual(link.protocol, "one")
      assert.strictEqual(request.url, "/path?q=1")
      assert.strictEqual(request.headers.authorization, "Bearer abc")
      assert.strictEqual(request.headers["x-custom"], "1")
      assert.strictEqual(request.headers["sec-websocket-protocol"], "one,two")
      assert.isUndefined(request.headers["sec-websocket-extensions"], "compression is off by default")
    })
  )

  it.live("dial - dials from the given local address", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      yield* connect(server.url, {}, { proxy: false, localAddress: "127.0.0.5" })
      const { request } = yield* server.peer()
      assert.strictEqual(request.socket.remoteAddress, "127.0.0.5")
    })
  )

  it.live("compression - compresses when both sides want it", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { perMessageDeflate: { threshold: 0 } })
      const options = { proxy: false, compression: { level: 9, contextTakeover: false, threshold: 100 } } as const
      const { link, receiver } = yield* connect(server.url, { writeMark: { high: 1_000, low: 10 } }, options)
      const text = "a".repeat(200_000)
      link.write([text])
      assert.isTrue(link.buffered() > 0)
      yield* receiver.when((calls) => frameCount(1)(calls) && calls.some(({ call }) => call === "drained"))
      assert.strictEqual(receiver.frames()[0], text)
      assert.isTrue(link.received() < 10_000, `${link.received()} bytes on the wire`)
    })
  )

  it.live("compression - a connection chooses for itself, and gets the settings of the transport", () =>
    Effect.gen(function* () {
      const plain = "permessage-deflate; client_max_window_bits"
      const own = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits"
      // One transport, one url: the last dial is like the first, and follows others.
      const choices = [undefined, true, false, undefined]
      const cases = [
        [false, [undefined, plain, undefined, undefined]],
        [{ contextTakeover: false }, [own, own, undefined, own]]
      ] as const
      for (const [ofTransport, expected] of cases) {
        const server = yield* serve(echo, { perMessageDeflate: true })
        const transport = NodeTransport.make({ proxy: false, compression: ofTransport })
        const dial = dialOf(server.url)
        const offered: Array<string | undefined> = []
        for (const [index, compression] of choices.entries()) {
          yield* transport.dial({ ...dial, compression }, recorder())
          const { request } = yield* server.peer(index)
          offered.push(request.headers["sec-websocket-extensions"])
        }
        assert.deepStrictEqual(offered, [...expected])
      }
    })
  )

  it.live("compression - a server that does not want it gets plain frames", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo, { perMessageDeflate: false })
      const { link, receiver } = yield* connect(server.url, {}, { proxy: false, compression: true })
      link.write(["plain", new Uint8Array([1, 2])])
      yield* receiver.when(frameCount(2))
      assert.deepStrictEqual(receiver.frames().map(String), ["plain", "\u0001\u0002"])
    })
  )

  it.live("frames - a message that is kept stays as it was, whatever is read afterwards", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const sizes = [1, 100, 5_000, 70_000]
      for (const fill of [1, 2]) for (const size of sizes) ws.send(Buffer.alloc(size, fill))
      ws.ping(Buffer.alloc(10, 3))
      for (let i = 0; i < 20; i++) ws.send("x".repeat(65_536))
      yield* receiver.when(frameCount(28))
      const kept = receiver.calls.flatMap((call) =>
        call.call === "frame" && typeof call.frame !== "string" ? [call.frame] : "payload" in call ? [call.payload] : []
      )
      assert.deepStrictEqual(
        kept.map((bytes) => [bytes.length, new Set(bytes).size, bytes[0]]),
        [...sizes.map((size) => [size, 1, 1]), ...sizes.map((size) => [size, 1, 2]), [10, 1, 3]]
      )
    })
  )

  it.live("ping - pongs come back, the server's pings are passed on and answered", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      link.ping(Buffer.from("probe"))
      const answered = Effect.callback<string>((resume) => {
        ws.once("pong", (payload: Buffer) => resume(Effect.succeed(payload.toString())))
        ws.ping("server")
      })
      assert.strictEqual(yield* answered, "server")
      yield* receiver.when((calls) => calls.some(({ call }) => call === "pong"))
      const payloads = receiver.calls.map((call) => ("payload" in call ? [call.call, String(call.payload)] : []))
      assert.sameDeepMembers(payloads, [
        ["pong", "probe"],
        ["ping", "server"]
      ])
    })
  )

  it.live("write - the writes of one turn are held until it ends and leave together, in order", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link } = yield* connect(server.url)
      const { request, ws } = yield* server.peer()
      let packets = 0
      let held = 0
      request.socket.on("data", () => packets++)
      const received: Array<string> = []
      const all = Effect.callback<void>((resume) => {
        ws.on("message", (data: Buffer) => {
          if (received.push(data.toString()) === 300) resume(Effect.void)
        })
        for (let i = 0; i < 100; i++) link.write([`${3 * i}`, `${3 * i + 1}`, `${3 * i + 2}`])
        held = link.buffered()
      })
      yield* all
      assert.deepStrictEqual(
        received,
        Array.from({ length: 300 }, (_, i) => `${i}`)
      )
      // a header of six bytes and one to three digits each: nothing had left within the turn
      assert.strictEqual(held, 300 * 6 + 10 + 90 * 2 + 200 * 3)
      assert.isTrue(packets <= 5, `${packets} packets for 100 writes`)
    })
  )

  it.live("write - what is worth a system call leaves within its turn, in order with what was held", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const large = "x".repeat(65_536)
      const left: Array<number> = []
      const received: Array<string> = []
      yield* Effect.callback<void>((resume) => {
        ws.on("message", (data: Buffer) => {
          if (received.push(data.toString()) === 5) resume(Effect.void)
        })
        for (const frame of ["first", "a", large, "b", "c"]) {
          link.write([frame])
          left.push(link.buffered())
        }
      })
      // the first leaves at once, the second is held, the third takes it along, and the turn holds again: a header is six bytes
      assert.deepStrictEqual(left, [0, 7, 0, 7, 14])
      assert.deepStrictEqual(received, ["first", "a", large, "b", "c"])
    })
  )

  for (const mark of [
    { high: 1_000, low: 0 },
    { high: 65_536, low: 16_384 },
    { high: 4_194_304, low: 1_048_576 }
  ]) {
    it.live(`write - drained is called once per crossing of the mark ${mark.high}/${mark.low}`, () =>
      Effect.gen(function* () {
        const server = yield* serve()
        const { link, receiver } = yield* connect(server.url, { writeMark: mark })
        const { ws } = yield* server.peer()
        const drains = () => receiver.calls.filter(({ call }) => call === "drained").length
        for (let crossing = 1; crossing <= 3; crossing++) {
          ws.pause()
          while (link.buffered() < mark.high) link.write(["x".repeat(300)])
          const atMark = link.buffered()
          link.write(["after the mark"])
          link.ping(new Uint8Array(4))
          assert.isTrue(atMark >= mark.high && link.buffered() > atMark)
          assert.strictEqual(drains(), crossing - 1)
          ws.resume()
          yield* receiver.when(() => drains() === crossing)
          assert.isTrue(link.buffered() <= mark.low, `${link.buffered()} buffered`)
          for (let i = 0; i < 20; i++) yield* turn
          assert.strictEqual(drains(), crossing)
        }
      })
    )
  }

  it.live("write - a small write in the turn of the draining does not lose the call", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url, { writeMark: { high: 1_000, low: 0 } })
      link.write(["the first of its turn is not held"])
      link.write(["x".repeat(1_500)])
      // after the flush of what was held, before its completion is known
      process.nextTick(() => link.write(["y"]))
      yield* receiver.when((calls) => calls.some(({ call }) => call === "drained"))
      assert.strictEqual(link.buffered(), 0)
    })
  )

  it.live("write - a single frame over the mark is drained too", () =>
    Effect.gen(function* () {
      const server = yield* serve(undefined, { maxPayload: 20_000_000 })
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      const arrived = yield* Effect.forkChild(nextMessage(ws), { startImmediately: true })
      link.write([new Uint8Array(10_000_000)])
      assert.isTrue(link.buffered() >= 10_000_000)
      yield* receiver.when((calls) => calls.some(({ call }) => call === "drained"))
      assert.isTrue(link.buffered() <= 16_384)
      assert.strictEqual((yield* Fiber.join(arrived))[0].length, 10_000_000)
    })
  )

  it.live("pause - nothing is read while paused, everything after resume", () =>
    Effect.gen(function* () {
      const server = yield* serve(echo)
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      link.pause()
      const before = link.received()
      link.write(Array.from({ length: 10 }, (_, i) => `${i}`))
      yield* nextMessage(ws)
      const pong = Effect.callback<void>((resume) => {
        ws.once("ping", () => resume(Effect.void))
        link.ping(Buffer.from("x"))
      })
      yield* pong
      assert.deepStrictEqual(receiver.frames(), [])
      link.resume()
      yield* receiver.when(frameCount(10))
      assert.isTrue(link.received() > before)
      assert.deepStrictEqual(
        receiver.frames(),
        Array.from({ length: 10 }, (_, i) => `${i}`)
      )
    })
  )

  it.live("pause - stops a flooding server", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link, receiver } = yield* connect(server.url)
      const { ws } = yield* server.peer()
      link.pause()
      // far more than both kernels' buffers take, so most of it has to stay with the sender
      for (let i = 0; i < 1_000; i++) ws.send(Buffer.alloc(65_536))
      const settled = Effect.callback<void>((resume) => {
        let last = -1
        let quiet = 0
        const check = () => {
          quiet = ws.bufferedAmount === last ? quiet + 1 : 0
          last = ws.bufferedAmount
          if (quiet === 200) resume(Effect.void)
          else setImmediate(check)
        }
        check()
      })
      yield* settled
      assert.deepStrictEqual(receiver.frames(), [])
      assert.isTrue(ws.bufferedAmount > 32_000_000)
    })
  )

  it.live("inspect - a link shows no url, header or socket", () =>
    Effect.gen(function* () {
      const server = yield* serve()
      const { link } = yield* connect(`${server.url}/?token=planted`, { headers: { Authorization: "planted" } })
      assert.notInclude(inspect(link, { showHidden: true, depth: 20 }), "planted")
      assert.notInclude(JSON.stringify(link), "planted")
    })
  )
})
