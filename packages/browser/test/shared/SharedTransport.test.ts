/**
 * Proves that tabs which dial the same connection share one socket: one leads,
 * all hear every frame and may write, frames and bytes keep their order and
 * size; that a leader which goes, hangs, or is about to be frozen is replaced
 * and its followers' links end as dropped; and that the server never has two
 * open sessions but for a leader that hangs. Several transports in one process
 * are the tabs, with Node's own Web Locks and BroadcastChannel between them,
 * and a real server.
 */
import { assert, describe, it } from "@effect/vitest"
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Transport from "kharbranth/Transport"
import { peak } from "../rig/log.ts"
import * as Recorder from "../rig/recorder.ts"
import * as Server from "../rig/server.ts"
import { settled } from "../rig/turns.ts"

const server = Effect.acquireRelease(
  Effect.promise(() => Server.start()),
  (server) => Effect.promise(server.stop)
)

let groups = 0

/** A browser with tabs: each has its own transport, page and (deaf-able) channel. */
const browser = Effect.sync(() => {
  const group = `group-${process.pid}-${++groups}`
  return {
    tab: Effect.gen(function* () {
      const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
      const ears = deafable()
      const services = yield* Layer.buildWithScope(
        SharedTransport.layerOver({ group, environment: ears }).pipe(
          Layer.provideMerge(Layer.merge(BrowserTransport.layer(), PageLifecycle.layerTest))
        ),
        scope
      )
      return {
        page: Context.get(services, PageLifecycle.Controller),
        hang: ears.hang,
        dial: (url: string, more?: Partial<Transport.Dial>) =>
          Effect.gen(function* () {
            const recorder = Recorder.make()
            const session = yield* Scope.fork(scope)
            const link = yield* Context.get(services, Transport.Transport)
              .dial(Recorder.dialOf(url, more), recorder.receiver)
              .pipe(
                Scope.provide(session),
                Effect.onError(() => Scope.close(session, Exit.void))
              )
            return { link, leave: Scope.close(session, Exit.void), ...recorder }
          })
      }
    })
  }
})

/** The ears of a page: while it hangs, no message and no news of a lock comes through; afterwards all of it does. */
const deafable = () => {
  let awake = Promise.resolve()
  let wake = () => {}
  const later =
    <A extends Array<unknown>>(f: (...args: A) => void) =>
    (...args: A) =>
      void awake.then(() => f(...args))
  return {
    hang: (is: boolean) => {
      if (is) awake = new Promise((resolve) => (wake = resolve))
      else wake()
    },
    locks: {
      request: ((name: string, options: LockOptions, granted: LockGrantedCallback<unknown>) =>
        navigator.locks
          .request(name, options, (lock) => awake.then(() => granted(lock)))
          .catch((cause) => awake.then(() => Promise.reject(cause)))) as LockManager["request"]
    },
    channel: (name: string): BroadcastChannel => {
      const channel = new BroadcastChannel(name)
      const add = channel.addEventListener.bind(channel)
      const listen = (type: string, listener: (event: Event) => void) => add(type, later(listener))
      channel.addEventListener = listen as typeof channel.addEventListener
      return channel
    }
  }
}

const five = Effect.fnUntraced(function* (url: string) {
  const { tab } = yield* browser
  const tabs = yield* Effect.all([tab, tab, tab, tab, tab])
  const sessions = yield* Effect.forEach(tabs, (tab) => tab.dial(url), { concurrency: "unbounded" })
  return { tabs, sessions, leader: 0, leading: tabs[0], led: sessions[0], following: sessions.slice(1) }
})

const bounded = <A, E>(effect: Effect.Effect<A, E, Scope.Scope>) => effect.pipe(Effect.timeout("10 seconds"))

describe("SharedTransport", () => {
  it.live("5 tabs - one session at the server, every frame in every tab, every tab may write", () =>
    bounded(
      Effect.gen(function* () {
        const { log, perform, sessions: open, url } = yield* server
        const { sessions } = yield* five(url("/room"))
        assert.strictEqual(open("/room").length, 1)
        perform({ verb: "say", path: "/room", text: "語", count: 500 })
        for (const { record, until } of sessions) {
          yield* until(({ frames }) => frames.length === 500)
          assert.deepStrictEqual(
            record.frames,
            Array.from({ length: 500 }, (_, i) => `${i}:語`)
          )
          assert.strictEqual(record.sizes[10], 6)
        }
        sessions.forEach(({ link }, i) => link.write([`${i} a`, `${i} b`]))
        yield* settled(() => log.filter((entry) => entry.event === "message").length === 10)
        const said = log.flatMap((entry) => (entry.event === "message" ? [entry.what] : []))
        for (let i = 0; i < 5; i++)
          assert.deepStrictEqual(
            said.filter((text) => text.startsWith(`${i}`)),
            [`${i} a`, `${i} b`]
          )
        assert.strictEqual(peak(log), 1)
      })
    )
  )

  it.live("bytes - a view travels as itself, not with the buffer under it, and comes back as bytes", () =>
    bounded(
      Effect.gen(function* () {
        const { url } = yield* server
        const { following, led } = yield* five(url("/echo"))
        following[0]!.link.write([new Uint8Array(1000).fill(7).subarray(10, 13)])
        for (const { record, until } of [led, ...following]) {
          yield* until((record) => record.frames.length === 1)
          assert.deepStrictEqual(record.frames, [new Uint8Array([7, 7, 7])])
        }
      })
    )
  )

  it.live("the leader closes - followers are dropped, the next dial leads, and the server never sees two", () =>
    bounded(
      Effect.gen(function* () {
        const { log, url } = yield* server
        const { following, led, tabs } = yield* five(url("/room"))
        led.link.close(1000, "")
        for (const { until } of [led, ...following]) yield* until((record) => record.ended.length > 0)
        assert.strictEqual(led.record.ended[0]?._tag, "ConnectionClosed")
        for (const { record } of following)
          assert.deepStrictEqual(
            record.ended.map((end) => end._tag),
            ["ConnectionDropped"]
          )
        const again = yield* Effect.forEach(tabs.slice(1), (tab) => tab.dial(url("/room")), {
          concurrency: "unbounded"
        })
        assert.strictEqual(again.length, 4)
        assert.strictEqual(log.filter((entry) => entry.event === "open").length, 2)
        assert.strictEqual(peak(log), 1)
      })
    )
  )

  it.live("a follower leaves - nobody else notices, and its own end proves nothing about its writes", () =>
    bounded(
      Effect.gen(function* () {
        const { log, perform, url } = yield* server
        const { following, led } = yield* five(url("/room"))
        const [leaver, ...rest] = following
        leaver!.link.write(["last words"])
        leaver!.link.close(1000, "")
        yield* leaver!.until((record) => record.ended.length > 0)
        assert.strictEqual(leaver!.record.ended[0]?._tag, "ConnectionDropped")
        yield* settled(() => log.some((entry) => entry.what === "last words"))
        perform({ verb: "say", path: "/room", text: "still here" })
        for (const { record, until } of [led, ...rest]) {
          yield* until((record) => record.frames.length === 1)
          assert.strictEqual(record.ended.length, 0)
        }
        assert.strictEqual(leaver!.record.frames.length, 0)
      })
    )
  )

  it.live("the server closes - every tab learns the code, after the last frame", () =>
    bounded(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { sessions } = yield* five(url("/room"))
        perform({ verb: "say", path: "/room", text: "bye", count: 20 })
        perform({ verb: "close", path: "/room", code: 4321, reason: "done" })
        for (const { record, until } of sessions) {
          yield* until((record) => record.ended.length > 0)
          assert.strictEqual(record.frames.length, 20)
          assert.deepInclude(record.ended[0], { _tag: "ConnectionClosed", code: 4321, initiator: "server" })
        }
      })
    )
  )

  it.live("the leader's page is about to freeze - it hands over before, and the server never sees two", () =>
    bounded(
      Effect.gen(function* () {
        const { log, url } = yield* server
        const { following, leading, led, tabs } = yield* five(url("/room"))
        yield* leading.page.emit({ _tag: "Freeze" })
        for (const { record, until } of [led, ...following]) {
          yield* until((record) => record.ended.length > 0)
          assert.strictEqual(record.ended[0]?._tag, "ConnectionDropped")
        }
        yield* settled(() => log.some((entry) => entry.event === "close"))
        yield* tabs[3].dial(url("/room"))
        assert.strictEqual(peak(log), 1)
      })
    )
  )

  it.live("the leader hangs - it is deposed within 2 s, and when it wakes it ends its own session", () =>
    bounded(
      Effect.gen(function* () {
        const { log, perform, sessions: open, url } = yield* server
        const { following, leading, led, tabs } = yield* five(url("/room"))
        leading.hang(true)
        const hungAt = performance.now()
        for (const { until } of following) yield* until((record) => record.ended.length > 0)
        const again = yield* Effect.forEach(tabs.slice(1), (tab) => tab.dial(url("/room")), {
          concurrency: "unbounded"
        })
        assert.isBelow(performance.now() - hungAt, 2000)
        assert.isAtMost(peak(log), 2)
        leading.hang(false)
        yield* led.until((record) => record.ended.length > 0)
        assert.strictEqual(led.record.ended[0]?._tag, "ConnectionDropped")
        yield* settled(() => open("/room").length === 1)
        perform({ verb: "say", path: "/room", text: "to the new ones" })
        for (const { record, until } of again) {
          yield* until((record) => record.frames.length > 0)
          assert.deepStrictEqual(record.frames, ["to the new ones"])
          assert.strictEqual(record.ended.length, 0)
        }
      })
    )
  )

  it.live("a tab that arrives while the leader hangs - takes the lock within 2 s", () =>
    bounded(
      Effect.gen(function* () {
        const { url } = yield* server
        const { tab } = yield* browser
        const [first, second] = yield* Effect.all([tab, tab])
        yield* first.dial(url("/room"))
        first.hang(true)
        const from = performance.now()
        yield* second.dial(url("/room"))
        assert.isBelow(performance.now() - from, 2000)
      })
    )
  )

  it.live(
    "a leader that waits for its dial - keeps its followers waiting, and a failed dial lets the next one try",
    () =>
      bounded(
        Effect.gen(function* () {
          const { perform, log, url } = yield* server
          const { tab } = yield* browser
          const [first, second] = yield* Effect.all([tab, tab])
          perform({ verb: "refuse", path: "/room" })
          const refusals = yield* Effect.forEach([first, second], (tab) => Effect.flip(tab.dial(url("/room"))), {
            concurrency: "unbounded"
          })
          assert.deepStrictEqual(
            refusals.map((error) => error._tag),
            ["DialFailed", "DialFailed"]
          )
          perform({ verb: "accept", path: "/room" })
          yield* Effect.forEach([first, second], (tab) => tab.dial(url("/room")), { concurrency: "unbounded" })
          assert.strictEqual(peak(log), 1)
        })
      )
  )

  it.live("a leader interrupted while it dials - releases the lock for the tab that waits", () =>
    bounded(
      Effect.gen(function* () {
        const { tcp, url } = yield* server
        const { tab } = yield* browser
        const [first, second] = yield* Effect.all([tab, tab])
        const dialing = yield* Effect.forkChild(first.dial(url("/hang")), { startImmediately: true })
        yield* settled(() => tcp() === 1)
        const waiting = yield* Effect.forkChild(second.dial(url("/hang")), { startImmediately: true })
        yield* Fiber.interrupt(dialing)
        yield* settled(() => tcp() === 1)
        yield* Fiber.interrupt(waiting)
        yield* settled(() => tcp() === 0)
      })
    )
  )

  it.live("a follower's verdict - ends a silent session for all, but not one that has spoken to others since", () =>
    bounded(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { following, led } = yield* five(url("/room"))
        const [accuser, second] = following
        perform({ verb: "say", path: "/room", text: "alive" })
        yield* led.until((record) => record.frames.length === 1)
        // The accuser has not heard it: its frame is still on the channel.
        assert.strictEqual(accuser!.record.frames.length, 0)
        accuser!.link.terminate()
        yield* accuser!.until((record) => record.ended.length === 1)
        yield* second!.until((record) => record.frames.length === 1)
        assert.strictEqual(led.record.ended.length, 0)
        second!.link.terminate()
        yield* led.until((record) => record.ended.length === 1)
        assert.strictEqual(led.record.ended[0]?._tag, "ConnectionDropped")
      })
    )
  )

  it.live("a follower's write mark - fills while the leader's socket is stalled and drains with it", () =>
    bounded(
      Effect.gen(function* () {
        const { perform, url } = yield* server
        const { following } = yield* five(url("/sink"))
        const [writer] = following
        perform({ verb: "stall", path: "/sink" })
        for (let i = 0; i < 30; i++) writer!.link.write([new Uint8Array(1_000_000)])
        assert.strictEqual(writer!.link.buffered(), 30_000_000)
        perform({ verb: "unstall", path: "/sink" })
        yield* writer!.until((record) => record.drained > 0)
        assert.isAtMost(writer!.link.buffered(), 16_384)
      })
    )
  )

  it.live("connections of other names, endpoints or groups - have sockets of their own", () =>
    bounded(
      Effect.gen(function* () {
        const { sessions, url } = yield* server
        const [here, there] = yield* Effect.all([browser, browser])
        const [a, b, c] = yield* Effect.all([here.tab, here.tab, there.tab])
        yield* a.dial(url("/room?token=1"))
        yield* b.dial(url("/room?token=2"))
        assert.strictEqual(sessions("/room").length, 1)
        yield* b.dial(url("/room"), { connection: "other" })
        yield* c.dial(url("/room"))
        assert.strictEqual(sessions("/room").length, 3)
      })
    )
  )
})
