/**
 * Proves that server-sent events and long polling are transports like any
 * other: they dial, carry frames both ways in order, batch what piles up, stop
 * when held back, end exactly once with the right error and leave nothing open;
 * against the test server, and against the real one where `dotnet` is.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Redacted from "effect/Redacted"
import type * as ConnectionError from "kharbranth/ConnectionError"
import type { Frame } from "kharbranth/Message"
import type * as Transport from "kharbranth/Transport"
import * as HubCredentials from "../../src/HubCredentials.ts"
import { makeEventParser } from "../../src/internal/httpTransport/eventParser.ts"
import { makeSendQueue } from "../../src/internal/httpTransport/sendQueue.ts"
import * as LongPollingTransport from "../../src/LongPollingTransport.ts"
import * as Negotiate from "../../src/Negotiate.ts"
import * as ServerSentEventsTransport from "../../src/ServerSentEventsTransport.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { Bytes, Cuts, pieces } from "../support/arbitrary.ts"
import { aspNet, hasDotnet } from "../support/aspnet.ts"
import { httpServer } from "../support/httpServer.ts"
import { methods, streams } from "../support/testHub.ts"

const rs = "\u001e"
const hello = `{"protocol":"json","version":1}${rs}`
const call = (id: number, target: string, ...args: ReadonlyArray<unknown>) =>
  JSON.stringify({ type: 1, invocationId: String(id), target, arguments: args }) + rs

/** One turn of the event loop: sockets get to work. */
const turn = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const makeReceiver = () => {
  const frames: Array<Frame> = []
  const ends: Array<ConnectionError.LinkError> = []
  const over = Deferred.makeUnsafe<ConnectionError.LinkError>()
  let drains = 0
  let wake = () => {}
  const receiver: Transport.Receiver = {
    frame: (frame) => {
      frames.push(frame)
      wake()
    },
    ping: () => {},
    pong: () => {},
    drained: () => {
      drains++
      wake()
    },
    ended: (error) => {
      ends.push(error)
      Deferred.doneUnsafe(over, Effect.succeed(error))
      wake()
    }
  }
  const until = (done: () => boolean) =>
    Effect.gen(function* () {
      while (!done()) {
        yield* Effect.callback<void>((resume) => {
          wake = () => resume(Effect.void)
        })
      }
    }).pipe(
      Effect.timeoutOrElse({
        duration: "8 seconds",
        orElse: () => Effect.die(new Error(`it never happened; frames: ${frames.join("")}, ends: ${ends.join()}`))
      })
    )
  const text = () => frames.join("")
  return { receiver, frames, ends, over: Deferred.await(over), until, text, drains: () => drains }
}

const target = (url: string, changes: Partial<Transport.Dial> = {}): Transport.Dial => ({
  connection: "chat",
  epoch: 1,
  url: url.replace(/^http/, "ws"),
  subprotocols: [],
  headers: {},
  maxMessageSize: 1024 * 1024,
  writeMark: { high: 64 * 1024, low: 16 * 1024 },
  ...changes
})

const transports = [
  ["ServerSentEvents", (credentials: HubCredentials.HubCredentials) => ServerSentEventsTransport.make(credentials)],
  [
    "LongPolling",
    (credentials: HubCredentials.HubCredentials) => LongPollingTransport.make({ transferFormat: "Text", credentials })
  ]
] as const

const connect = Effect.fnUntraced(function* (
  hubUrl: string,
  make: (typeof transports)[number][1],
  changes: Partial<Transport.Dial> = {},
  credentials = HubCredentials.make()
) {
  const negotiated = yield* Negotiate.negotiate({ connection: "chat", url: hubUrl, credentials })
  const transport = yield* make(negotiated.credentials)
  const inbox = makeReceiver()
  const link = yield* transport.dial(target(Redacted.value(negotiated.connectUrl), changes), inbox.receiver)
  return { link, ...inbox }
})

const talk = Effect.fnUntraced(function* (hubUrl: string, make: (typeof transports)[number][1]) {
  const { ends, link, over, text, until } = yield* connect(hubUrl, make)
  link.write([hello])
  yield* until(() => text().includes(`{}${rs}`))
  link.write([call(1, "Echo", "é✓😀"), call(2, "Add", 1, 2)])
  link.write([call(3, "Add", 3, 4)])
  yield* until(
    () =>
      text()
        .split(rs)
        .filter((record) => record.includes(`"type":3`)).length === 3
  )
  assert.include(text(), `"result":7`)
  assert.include(
    JSON.stringify(
      text()
        .split(rs)
        .slice(0, -1)
        .map((record) => JSON.parse(record))
    ),
    "é✓😀"
  )
  assert.isAbove(link.received(), 0)
  link.close(1000, "")
  const end = yield* over
  assert.strictEqual(end._tag, "ConnectionClosed")
  assert.strictEqual(end._tag === "ConnectionClosed" ? end.initiator : "", "client")
  link.write(["late"])
  link.terminate()
  assert.strictEqual(ends.length, 1)
})

const run = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, FetchHttpClient.layer)

for (const [name, make] of transports) {
  describe(name, () => {
    it.live("frames travel both ways, and a close ends the link once and leaves the server", () =>
      run(
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods, streams })
          yield* talk(server.url, make)
          if (name === "LongPolling") assert.include(server.journal, "delete")
          while (server.clients().length > 0) yield* turn
        })
      )
    )

    describe.runIf(hasDotnet)("against ASP.NET Core", () => {
      it.live(
        "the same with the real server",
        () =>
          run(
            Effect.gen(function* () {
              const server = yield* aspNet
              yield* talk(`${server.url}${name === "LongPolling" ? "/lp" : "/sse"}`, make)
            })
          ),
        60_000
      )
    })

    it.live("what piles up while a POST is under way goes into the next one, in order", () =>
      run(
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods, streams })
          const { drains, link, text, until } = yield* connect(server.url, make, {
            writeMark: { high: 2000, low: 100 }
          })
          link.write([hello])
          for (let i = 0; i < 100; i++) link.write([call(i, "Echo", `message ${i}`)])
          assert.isAbove(link.buffered(), 2000)
          yield* until(() => text().includes("message 99") && link.buffered() === 0)
          const answers = text()
            .split(rs)
            .filter((record) => record.includes("message"))
          assert.strictEqual(answers.length, 100)
          assert.isBelow(server.journal.filter((entry) => entry === "post").length, 5)
          assert.strictEqual(drains(), 1)
        })
      )
    )

    it.live("the server's end, a cut, and a refused POST each end the link once, with their own error", () =>
      run(
        Effect.gen(function* () {
          let refuse = false
          const server = yield* HubServer.make({
            methods,
            intercept: ({ kind }) => (kind === "post" && refuse ? { status: 500 } : undefined)
          })
          const open = () =>
            Effect.gen(function* () {
              const peer = yield* connect(server.url, make)
              peer.link.write([hello])
              yield* peer.until(() => peer.text() !== "")
              return peer
            })
          const closed = yield* open()
          server.clients()[0]!.close("enough")
          assert.strictEqual((yield* closed.over)._tag, "ConnectionClosed")
          assert.include(closed.text(), "enough")
          const cut = yield* open()
          // A poll is not always open; the cut takes the one that is.
          yield* Effect.whileLoop({
            while: () => cut.ends.length === 0,
            body: () =>
              Effect.andThen(
                Effect.sync(() => server.clients()[0]?.cut()),
                turn
              ),
            step: () => {}
          }).pipe(Effect.timeout("5 seconds"))
          assert.strictEqual((yield* cut.over)._tag, "ConnectionDropped")
          const refused = yield* open()
          refuse = true
          refused.link.write([call(1, "Add", 1, 2)])
          assert.strictEqual((yield* refused.over)._tag, "WriteError")
          for (const { ends } of [closed, cut, refused]) assert.strictEqual(ends.length, 1)
        })
      )
    )

    it.live("a refused dial is HandshakeRejected, an unreachable host DialFailed; no secret shows", () =>
      run(
        Effect.gen(function* () {
          const server = yield* httpServer(() => ({ status: 503, headers: { "retry-after": "3" }, body: "hush" }))
          const transport = yield* make(HubCredentials.make({ token: Effect.succeed("hush") }))
          const dial = (url: string) => Effect.flip(Effect.scoped(transport.dial(target(url), makeReceiver().receiver)))
          const rejected = yield* dial(`${server.url}/hub?id=hush`)
          assert.strictEqual(rejected._tag, "HandshakeRejected")
          assert.strictEqual(rejected._tag === "HandshakeRejected" ? rejected.status : 0, 503)
          const gone = yield* Effect.scoped(httpServer(() => ({})))
          const failed = yield* dial(`${gone.url}/hub?id=hush`)
          assert.strictEqual(failed._tag === "DialFailed" ? failed.kind : failed._tag, "refused")
          for (const error of [rejected, failed]) assert.notInclude(`${String(error)}${JSON.stringify(error)}`, "hush")
          assert.strictEqual(server.asked[0]?.headers.authorization, "Bearer hush")
          assert.notInclude(server.asked[0]?.url, "access_token")
        })
      )
    )

    it.live("a 401 asks for the token once more, once; the new one serves the rest; 403 asks for none", () =>
      run(
        Effect.gen(function* () {
          let issued = 0
          let good = 1
          let status = 401
          const server = yield* HubServer.make({
            methods,
            intercept: ({ kind, token }) =>
              kind !== "negotiate" && kind !== "delete" && token !== `t${good}` ? { status } : undefined
          })
          const credentials = HubCredentials.make({ token: Effect.sync(() => `t${issued++}`) })
          const peer = yield* connect(server.url, make, {}, credentials)
          assert.strictEqual(issued, 2, "one for the negotiation, one for the dial")
          peer.link.write([hello])
          yield* peer.until(() => peer.text() !== "")
          good = 2
          peer.link.write([call(1, "Add", 1, 2)])
          yield* peer.until(() => peer.text().includes(`"result":3`))
          assert.strictEqual(issued, 3)
          peer.link.write([call(2, "Add", 2, 2)])
          yield* peer.until(() => peer.text().includes(`"result":4`))
          assert.strictEqual(issued, 3)
          good = 99
          status = 403
          peer.link.write([call(3, "Add", 2, 3)])
          yield* peer.over
          assert.strictEqual(issued, 3)
        })
      )
    )

    it.live("held back, it delivers no more than what is on its way, and everything after the resume", () =>
      run(
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods, streams })
          const peer = yield* connect(server.url, make)
          peer.link.write([hello])
          yield* peer.until(() => peer.text() !== "")
          peer.link.pause()
          // A first message may still be taken by the read that is under way.
          server.broadcast("news", 0)
          for (let i = 1; i <= 50; i++) {
            yield* turn
            server.broadcast("news", i)
          }
          const heldBack = peer.text()
          assert.notInclude(heldBack, `[50]`)
          peer.link.resume()
          yield* peer.until(() => peer.text().includes(`[50]`))
          const seen = [...peer.text().matchAll(/"arguments":\[(\d+)\]/g)].map((match) => Number(match[1]))
          assert.deepStrictEqual(
            seen,
            Array.from({ length: 51 }, (_, i) => i)
          )
        })
      )
    )

    it.live("a message over the bound ends the link with MessageTooLarge", () =>
      run(
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods })
          const peer = yield* connect(server.url, make, { maxMessageSize: 1000 })
          peer.link.write([hello])
          yield* peer.until(() => peer.text() !== "")
          server.broadcast("news", "x".repeat(2000))
          assert.strictEqual((yield* peer.over)._tag, "MessageTooLarge")
        })
      )
    )

    it.live("closing the scope ends the requests", () =>
      run(
        Effect.gen(function* () {
          const server = yield* HubServer.make({ methods })
          yield* Effect.scoped(
            Effect.gen(function* () {
              const peer = yield* connect(server.url, make)
              peer.link.write([hello])
              yield* peer.until(() => peer.text() !== "")
            })
          )
          if (name === "ServerSentEvents") {
            while (server.clients().length > 0) yield* turn
          }
        })
      )
    )
  })
}

describe("sendQueue", () => {
  it("J138: at once when idle, batched by kind while busy, in order; the marks are crossed once", () => {
    const queue = makeSendQueue({ high: 10, low: 4 })
    queue.push(["a"])
    assert.deepStrictEqual(queue.take(), { body: "a", size: 1 })
    assert.isUndefined(queue.take(), "one at a time")
    queue.push(["b", "é"])
    queue.push([Uint8Array.of(1, 2), Uint8Array.of(3)])
    queue.push(["later"])
    assert.strictEqual(queue.buffered(), 12)
    assert.isFalse(queue.done())
    assert.deepStrictEqual(queue.take(), { body: "bé", size: 3 })
    assert.isFalse(queue.done())
    assert.deepStrictEqual(queue.take(), { body: Uint8Array.of(1, 2, 3), size: 3 })
    assert.isFalse(queue.done())
    assert.isFalse(queue.idle())
    assert.deepStrictEqual(queue.take(), { body: "later", size: 5 })
    assert.isTrue(queue.done())
    assert.isFalse(queue.done())
    assert.isTrue(queue.idle())
  })
})

describe("eventParser", () => {
  it.prop(
    "any split of an event stream gives the same events, whatever its line ends",
    [Cuts, Bytes],
    ([cuts, choice]) => {
      const ends = ["\n", "\r\n", "\r"]
      const end = (i: number) => ends[(choice[i] ?? i) % 3]!
      const lines = [
        ":",
        "",
        "data: one é😀",
        "",
        "event: x",
        "data:two",
        "data:  three",
        "id: 1",
        "",
        "data",
        "",
        "data: {}\u001e",
        ""
      ]
      const bytes = new TextEncoder().encode(lines.map((line, i) => line + end(i)).join(""))
      const parser = makeEventParser()
      // A bare return followed by a bare line feed would read as one pair.
      const text = new TextDecoder().decode(bytes)
      const expected: Array<string> = []
      let data: Array<string> = []
      for (const line of text.split(/\r\n|\r|\n/).slice(0, -1)) {
        if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""))
        if (line !== "") continue
        if (data.length > 0) expected.push(data.join("\n"))
        data = []
      }
      assert.deepStrictEqual(
        pieces(bytes, cuts).flatMap((piece) => parser.push(piece)),
        expected
      )
      assert.isAtLeast(parser.pending(), 0)
    },
    { arbitrary: { runs: 200 } }
  )
})
