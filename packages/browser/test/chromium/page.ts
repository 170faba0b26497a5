/**
 * The page of the transport's tests: dials through one of the layers, keeps a
 * record of every session, and listens to its own lifecycle.
 */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
import * as SharedTransport from "@kharbranth/browser/SharedTransport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import type { Frame } from "kharbranth/Message"
import * as Transport from "kharbranth/Transport"
import { expose } from "../rig/bridge.ts"
import * as Recorder from "../rig/recorder.ts"

const layers = {
  "browser": () => BrowserTransport.layer(),
  "diagnosing browser": () => BrowserTransport.layer({ diagnose: BrowserTransport.diagnoseByFetch }),
  "diagnosing stream": () => BrowserTransport.layerStream({ diagnose: BrowserTransport.diagnoseByFetch }),
  "diagnosing shared": () => SharedTransport.layer({ diagnose: BrowserTransport.diagnoseByFetch }),
  "stream": () => BrowserTransport.layerStream(),
  "shared": () => SharedTransport.layer()
}

interface Session {
  readonly scope: Scope.Closeable
  readonly link: Transport.Link
  readonly recorder: Recorder.Recorder
}

const runtimes = new Map<string, ManagedRuntime.ManagedRuntime<Transport.Transport, never>>()
const sessions: Array<Session> = []
const signals: Array<{ readonly at: number; readonly tag: string; readonly persisted?: boolean }> = []

const runtimeOf = (layer: keyof typeof layers) => {
  const runtime = runtimes.get(layer) ?? ManagedRuntime.make(layers[layer]())
  runtimes.set(layer, runtime)
  return runtime
}

const connect = (layer: keyof typeof layers, url: string, more: Partial<Transport.Dial>) =>
  Effect.promise(() =>
    runtimeOf(layer).runPromise(
      Effect.gen(function* () {
        const transport = yield* Transport.Transport
        const recorder = Recorder.make()
        const scope = yield* Scope.make()
        const link = yield* transport.dial(Recorder.dialOf(url, more), recorder.receiver).pipe(
          Scope.provide(scope),
          Effect.tapError(() => Scope.close(scope, Exit.void))
        )
        const { capabilities } = transport
        const pause = capabilities.pause === Transport.backpressure
        return { id: sessions.push({ scope, link, recorder }) - 1, capabilities: { ...capabilities, pause } }
      }).pipe(Effect.catch((error) => Effect.succeed(Object.assign({ message: error.message }, error))))
    )
  )

/** Dials again whenever a session ends, after a moment: what the core does, in small. */
const keep = (layer: keyof typeof layers, url: string) =>
  Effect.gen(function* () {
    for (;;) {
      const opened = yield* connect(layer, url, { epoch: sessions.length + 1 })
      if ("id" in opened) yield* sessions[opened.id]!.recorder.until(({ ended }) => ended.length > 0)
      yield* Effect.sleep("50 millis")
    }
  })

/**
 * Takes `count` messages, pausing within every `every`th, and goes on in a task
 * a while later. Gives how many were told while the link was paused.
 */
const halting = (layer: keyof typeof layers, url: string, count: number, every: number) =>
  Effect.gen(function* () {
    let paused = false
    let meanwhile = 0
    const { record, receiver, until } = Recorder.make()
    const goOn = () => {
      paused = false
      link.resume()
    }
    const halt = () => {
      paused = true
      link.pause()
      setTimeout(goOn, 5)
    }
    const frame = (frame: Frame, size: number) => {
      if (paused) meanwhile++
      receiver.frame(frame, size)
      if (record.frames.length % every === 0) halt()
    }
    const { dial } = yield* Transport.Transport
    const link: Transport.Link = yield* dial(Recorder.dialOf(url), { ...receiver, frame })
    yield* until(({ ended, frames }) => frames.length >= count || ended.length > 0)
    return { meanwhile, ordered: record.frames.every((frame, i) => Number.parseInt(String(frame), 10) === i) }
  }).pipe(Effect.scoped, Effect.provide(layers[layer]()))

const show = (session: Session) => {
  const { drained, ended, frames, sizes } = session.recorder.record
  return {
    count: frames.length,
    bytes: sizes.reduce((a, b) => a + b, 0),
    frames: frames.slice(-20).map((frame) => (typeof frame === "string" ? frame : Array.from(frame))),
    ordered: frames.every((frame, i) => typeof frame === "string" && Number.parseInt(frame, 10) === i),
    ended: ended.map((end) => Object.assign({ tag: end._tag }, end)),
    drained,
    buffered: session.link.buffered(),
    protocol: session.link.protocol
  }
}

export type Shown = ReturnType<typeof show>

const life = ManagedRuntime.make(PageLifecycle.layer())
life.runFork(
  Effect.gen(function* () {
    const page = yield* PageLifecycle.PageLifecycle
    page.listen((signal) =>
      signals.push({
        at: Date.now(),
        tag: signal._tag,
        ...("persisted" in signal ? { persisted: signal.persisted } : {})
      })
    )
  })
)

expose({
  connect: (layer: keyof typeof layers, url: string, more: Partial<Transport.Dial> = {}) => connect(layer, url, more),
  keep: (layer: keyof typeof layers, url: string) => {
    Effect.runFork(keep(layer, url))
  },
  write: (id: number, frames: ReadonlyArray<Frame>) => sessions[id]!.link.write(frames),
  writeBytes: (id: number, size: number, times: number) => {
    for (let i = 0; i < times; i++) sessions[id]!.link.write([new Uint8Array(size)])
    return show(sessions[id]!)
  },
  close: (id: number, code: number, reason: string) => sessions[id]!.link.close(code, reason),
  terminate: (id: number) => sessions[id]!.link.terminate(),
  /** Pauses from within, so that nothing is read between the last of these frames and the pause. */
  pauseAt: (layer: keyof typeof layers, url: string, count: number) =>
    Effect.gen(function* () {
      const opened = yield* connect(layer, url, {})
      if (!("id" in opened)) return opened
      const { link, recorder } = sessions[opened.id]!
      yield* recorder.until(({ frames }) => frames.length >= count)
      link.pause()
      return opened
    }),
  halting,
  pause: (id: number) => sessions[id]!.link.pause(),
  resume: (id: number) => sessions[id]!.link.resume(),
  release: (id: number) => Scope.close(sessions[id]!.scope, Exit.void),
  show: (id: number) => show(sessions[id]!),
  all: () => sessions.map(show),
  ended: (id: number) =>
    Effect.map(
      sessions[id]!.recorder.until(({ ended }) => ended.length > 0),
      () => show(sessions[id]!)
    ),
  received: (id: number, count: number) =>
    Effect.map(
      sessions[id]!.recorder.until(({ frames }) => frames.length >= count),
      () => show(sessions[id]!)
    ),
  signals: () => signals,
  /** Blocks the page: no timer, no event, no answer. */
  hang: (millis: number) => {
    const until = performance.now() + millis
    while (performance.now() < until);
  }
})
