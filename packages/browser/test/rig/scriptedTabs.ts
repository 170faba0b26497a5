/**
 * Tabs on one socket, with everything between them in the test's hand: scripted
 * sockets, ears that can lose messages, a record of what was posted and heard.
 * Locks and channels are the platform's own.
 */
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { Frame } from "kharbranth/Message"
import * as Transport from "kharbranth/Transport"
import * as LinkErrors from "../../src/internal/link/linkErrors.ts"
import type { TabMessage } from "../../src/internal/shared/tabMessage.ts"
import * as Recorder from "./recorder.ts"
import { settled, turn } from "./turns.ts"

/** The sockets of one tab, each opened, filled and ended by hand. */
const scripted = () => {
  const sockets: Array<ReturnType<typeof socketOf>> = []
  const socketOf = (
    dial: Transport.Dial,
    receiver: Transport.Receiver,
    settle: (outcome: Transport.Link | "refused") => void
  ) => {
    const written: Array<Frame> = []
    const state = { written, buffered: 0, terminated: 0, abandoned: 0 }
    const link: Transport.Link = {
      protocol: "",
      write: (frames) => void written.push(...frames),
      ping: () => {},
      buffered: () => state.buffered,
      received: () => 0,
      pause: () => {},
      resume: () => {},
      close: () => {},
      terminate: () => {
        state.terminated++
        queueMicrotask(() => receiver.ended(LinkErrors.dropped(dial)))
      }
    }
    const say = (...frames: Array<Frame>) => frames.forEach((frame) => receiver.frame(frame, frame.length))
    return Object.assign(state, { receiver, say, open: () => settle(link), refuse: () => settle("refused") })
  }
  const transport: Transport.Transport["Service"] = {
    name: "scripted",
    capabilities: { ping: false, pause: false, headers: false, bytes: false },
    dial: (dial, receiver) =>
      Effect.callback((resume) => {
        const socket = socketOf(dial, receiver, (outcome) =>
          resume(outcome === "refused" ? LinkErrors.dialFailed(dial, "refused", undefined) : Effect.succeed(outcome))
        )
        sockets.push(socket)
        return Effect.sync(() => void socket.abandoned++)
      })
  }
  return { sockets, transport }
}

/** A page's ears and mouth: what it posts and hears is on record, and some of what comes may be lost. */
export const makeEnvironment = () => {
  const heard: Array<TabMessage["kind"]> = []
  const posted: Array<TabMessage["kind"]> = []
  const names: Array<string> = []
  const hearsAll: (message: TabMessage) => boolean = () => false
  const ears = { loses: hearsAll }
  const channel = (name: string): BroadcastChannel => {
    const channel = new BroadcastChannel(name)
    names.push(name)
    const add = channel.addEventListener.bind(channel)
    const post = channel.postMessage.bind(channel)
    channel.postMessage = (message: TabMessage) => {
      posted.push(message.kind)
      post(message)
    }
    const listen = (type: string, listener: (event: MessageEvent<TabMessage>) => void) =>
      add(type as "message", (event: MessageEvent<TabMessage>) => {
        if (ears.loses(event.data)) return
        listener(event)
        heard.push(event.data?.kind)
      })
    channel.addEventListener = listen as typeof channel.addEventListener
    return channel
  }
  const locks: SharedTransport.Environment["locks"] = {
    request: navigator.locks.request.bind(navigator.locks)
  }
  return { environment: { locks, channel }, heard, posted, names, ears }
}

let groups = 0

export const browser = Effect.sync(() => {
  const group = `messages-${process.pid}-${++groups}`
  const tab = Effect.fnUntraced(function* (given?: SharedTransport.Environment) {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const { environment, ...rest } = makeEnvironment()
    const base = scripted()
    const life = yield* Layer.buildWithScope(PageLifecycle.layerTest, scope)
    const page = Context.get(life, PageLifecycle.PageLifecycle)
    let listeners = 0
    const listen = (listener: (signal: PageLifecycle.Signal) => void) => {
      listeners++
      const unlisten = page.listen(listener)
      return () => {
        listeners--
        unlisten()
      }
    }
    const services = yield* Layer.buildWithScope(
      SharedTransport.layerOver({ group, environment: given ?? environment }).pipe(
        Layer.provide([
          Layer.succeed(Transport.Transport, base.transport),
          Layer.succeed(PageLifecycle.PageLifecycle, { ...page, listen })
        ])
      ),
      scope
    )
    const dial = Effect.fnUntraced(function* (more: Partial<Transport.Dial> = {}) {
      const recorder = Recorder.make()
      const session = yield* Scope.fork(scope)
      const fiber = yield* Context.get(services, Transport.Transport)
        .dial(Recorder.dialOf("wss://feed.example/ws", more), recorder.receiver)
        .pipe(Scope.provide(session), Effect.forkChild({ startImmediately: true }))
      return { fiber, session, ...recorder }
    })
    const { emit } = Context.get(life, PageLifecycle.Controller)
    return { ...rest, sockets: base.sockets, listeners: () => listeners, emit, dial }
  })
  return { tab }
})

/** Lets the clock go on until then. What tabs tell each other goes by real channels: it takes real turns. */
export const passed = (predicate: () => boolean) =>
  Effect.gen(function* () {
    while (!predicate()) {
      yield* TestClock.adjust("100 millis")
      yield* turn
    }
  })

/** The first tab leads, `more` others follow. */
export const led = Effect.fnUntraced(function* (more: number, followers: Partial<Transport.Dial> = {}) {
  const { tab } = yield* browser
  const leader = yield* tab()
  const leading = yield* leader.dial()
  yield* settled(() => leader.sockets.length === 1)
  const socket = leader.sockets[0]!
  socket.open()
  yield* Fiber.join(leading.fiber)
  const others = yield* Effect.forEach(Array.from({ length: more }), () =>
    Effect.gen(function* () {
      const other = yield* tab()
      const session = yield* other.dial(followers)
      return { ...other, ...session, link: yield* Fiber.join(session.fiber) }
    })
  )
  return { tab, leader, leading, socket, others }
})

/** Posts on the channel of a tab as anything else on its origin could. */
export const intrude = (name: string, messages: ReadonlyArray<unknown>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => new BroadcastChannel(name)),
    (channel) => Effect.sync(() => messages.forEach((message) => channel.postMessage(message))),
    (channel) => Effect.sync(() => channel.close())
  )
