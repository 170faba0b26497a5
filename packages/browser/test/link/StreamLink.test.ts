/**
 * Proves, on a platform whose tasks and closes come when the test says, what
 * becomes of messages that wait in a link on `WebSocketStream` when its end
 * comes: they are delivered before it, their own verdict goes before the
 * server's close, and the end is told once. The rest is proved in Chromium.
 */
import { afterEach, assert, beforeEach, describe, it, vi } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Frame } from "kharbranth/Message"
import type { Dial, Link } from "kharbranth/Transport"
import * as StreamLink from "../../src/internal/link/streamLink.ts"
import * as Recorder from "../rig/recorder.ts"
import { turn } from "../rig/turns.ts"

/** What the page has posted, and runs only by `runTask`. */
let tasks: Array<() => void> = []
const runTask = () => tasks.shift()?.()

beforeEach(() => {
  tasks = []
  const postTask = (task: () => void) => Promise.resolve(tasks.push(task))
  Object.assign(globalThis, { scheduler: { postTask } })
  // However slow the machine, messages given together are one burst.
  vi.spyOn(performance, "now").mockReturnValue(1000)
})
afterEach(() => {
  Reflect.deleteProperty(globalThis, "scheduler")
  vi.restoreAllMocks()
})

/** The platform's socket, on real streams: gives what it is told to, and is closed by the server or by us. */
class Socket {
  source: ReadableStreamDefaultController<Frame> | undefined
  private settle: (info: { readonly closeCode: number }) => void = () => {}
  readonly closed = new Promise<{ readonly closeCode: number }>((resolve) => {
    this.settle = resolve
  })
  readonly opened = Promise.resolve({
    readable: new ReadableStream<Frame>({ start: (source) => void (this.source = source) }),
    writable: new WritableStream<Frame>(),
    protocol: ""
  })
  give(texts: ReadonlyArray<string>) {
    for (const text of texts) this.source!.enqueue(text)
  }
  closeByServer() {
    this.source!.close()
    this.settle({ closeCode: 4321 })
  }
  close() {
    this.settle({ closeCode: 1005 })
  }
}

/** Long enough for whatever the streams have under way: their promises need no task. */
const settled = turn

const open = Effect.fnUntraced(function* (more: Partial<Dial> = {}, told: (frame: Frame) => void = () => {}) {
  const sockets: Array<Socket> = []
  const make = class extends Socket {
    constructor() {
      super()
      sockets.push(this)
    }
  }
  const { receiver, record } = Recorder.make()
  const frame = (frame: Frame, size: number) => {
    receiver.frame(frame, size)
    told(frame)
  }
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const link = yield* StreamLink.dial(make, undefined)(Recorder.dialOf("ws://page/", more), {
    ...receiver,
    frame
  }).pipe(Scope.provide(scope))
  return { link, record, scope, socket: sockets[0]! }
})

/** The first two of a burst are read at once; these wait. */
const waiting = Effect.fnUntraced(function* (...args: Parameters<typeof open>) {
  const opened = yield* open(...args)
  opened.socket.give(["a", "b", "c", "d"])
  yield* settled
  assert.deepStrictEqual(opened.record.frames, ["a", "b"])
  assert.strictEqual(opened.link.received(), 4)
  return opened
})

const tags = ({ ended }: Recorder.Record) => ended.map((end) => end._tag)

describe("StreamLink", () => {
  it.effect("what waits is delivered by the posted task, and first after resume where it is paused", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* waiting()
      link.pause()
      runTask()
      socket.give(["e", "f"])
      yield* settled
      assert.deepStrictEqual(record.frames, ["a", "b"])
      assert.strictEqual(link.received(), 5, "the read that was under way")
      link.resume()
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      yield* settled
      runTask()
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d", "e", "f"])
    })
  )

  it.effect("a receiver that pauses with every message - hears of one for each resume, and of all at the end", () =>
    Effect.gen(function* () {
      const opened: { readonly link: Link; readonly record: Recorder.Record; readonly socket: Socket } = yield* waiting(
        {},
        (frame) => {
          if (frame !== "a" && frame !== "b") opened.link.pause()
        }
      )
      const { link, record, socket } = opened
      socket.give(["e", "f", "g"])
      yield* settled
      runTask()
      assert.deepStrictEqual(record.frames, ["a", "b", "c"])
      link.resume()
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      socket.closeByServer()
      yield* settled
      while (tasks.length > 0) runTask()
      assert.deepStrictEqual(tags(record), ["ConnectionClosed"])
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d", "e", "f", "g"])
    })
  )

  it.effect("a large message that waits paused - is the end after resume, and nothing comes after it", () =>
    Effect.gen(function* () {
      const { link, record, socket } = yield* waiting({ maxMessageSize: 1 })
      socket.give(["large", "e"])
      yield* settled
      link.pause()
      while (tasks.length > 0) runTask()
      assert.deepStrictEqual(record.frames, ["a", "b"])
      link.resume()
      yield* settled
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      assert.deepStrictEqual(tags(record), ["MessageTooLarge"])
    })
  )

  it.effect("the server closes - what waits comes before the end", () =>
    Effect.gen(function* () {
      const { record, socket } = yield* waiting()
      socket.closeByServer()
      yield* settled
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      assert.deepStrictEqual(tags(record), ["ConnectionClosed"])
    })
  )

  it.effect("the server closes - a large message that waits is the end, and nothing comes after it", () =>
    Effect.gen(function* () {
      const { record, socket } = yield* waiting({ maxMessageSize: 1 })
      socket.give(["large", "e"])
      yield* settled
      assert.deepStrictEqual(tags(record), [])
      socket.closeByServer()
      yield* settled
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      assert.deepStrictEqual(tags(record), ["MessageTooLarge"])
      runTask()
      assert.strictEqual(record.frames.length, 4)
    })
  )

  it.effect("terminate - what waits, paused even, comes before the end, and the end outside the call", () =>
    Effect.gen(function* () {
      const { link, record } = yield* waiting()
      link.pause()
      link.terminate()
      assert.deepStrictEqual(record.frames, ["a", "b"])
      yield* settled
      assert.deepStrictEqual(record.frames, ["a", "b", "c", "d"])
      assert.deepStrictEqual(tags(record), ["ConnectionDropped"])
    })
  )

  it.effect("a receiver that closes the scope at what waited - hears of one end, and of nothing after it", () =>
    Effect.gen(function* () {
      const runSync = Effect.runSyncWith(yield* Effect.context<never>())
      const opened: { readonly scope: Scope.Closeable; readonly record: Recorder.Record; readonly socket: Socket } =
        yield* waiting({}, (frame) => {
          if (frame === "c") runSync(Scope.close(opened.scope, Exit.void))
        })
      opened.socket.closeByServer()
      yield* settled
      assert.deepStrictEqual(opened.record.frames, ["a", "b", "c"])
      assert.deepStrictEqual(tags(opened.record), ["ConnectionDropped"])
    })
  )
})
