/**
 * The page's own life, as typed signals: network lost and back, hidden and
 * visible, put into the back/forward cache and taken out again, frozen and
 * resumed, and woken from a sleep that the page did not announce (a closed
 * laptop, a suspended process). Losing the network ends no connection; it is a
 * reason to probe. `layerSurroundings` lets the connections of a page act on
 * these signals.
 *
 * You can look at them in three ways. `condition` is what holds now. `signals` is
 * a stream of what happens. `listen` is called inside the page's own event, for
 * work that must be done before the page is frozen.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import * as Surroundings from "kharbranth/Surroundings"
import type * as Watch from "kharbranth/Watch"
import { listenToPage } from "./internal/page/pageEvents.ts"
import * as Signals from "./internal/page/signals.ts"
import { watchClocks } from "./internal/page/suspension.ts"

/**
 * Something that happened to the page.
 *
 * `Online` ends every change of the network that leaves the page online, also
 * one too short to be reported as `Offline`: the address may be another one.
 * `Woke` is found by comparing clocks, when the platform said nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Signal =
  | { readonly _tag: "Online" }
  | { readonly _tag: "Offline" }
  | { readonly _tag: "Visible" }
  | { readonly _tag: "Hidden" }
  | { readonly _tag: "PageHide"; readonly persisted: boolean }
  | { readonly _tag: "PageShow"; readonly persisted: boolean }
  | { readonly _tag: "Freeze" }
  | { readonly _tag: "Resume" }
  | { readonly _tag: "Woke"; readonly slept: Duration.Duration }

/**
 * What holds for the page now.
 *
 * @category models
 * @since 0.1.0
 */
export interface Condition {
  readonly online: boolean
  readonly visible: boolean
  /** In the back/forward cache, or frozen by the browser. */
  readonly frozen: boolean
}

/**
 * The parts of a page that are listened to. A worker has no `document`, and a
 * process has no `window` either.
 *
 * @category models
 * @since 0.1.0
 */
export interface Page {
  readonly window: Pick<EventTarget, "addEventListener" | "removeEventListener"> | undefined
  readonly document:
    | (Pick<EventTarget, "addEventListener" | "removeEventListener"> & { readonly visibilityState: string })
    | undefined
  readonly navigator: { readonly onLine?: boolean }
}

/**
 * What is listened to, and how soon a change is believed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** How long the network must stay as it is before it is reported. Default: 100 ms. */
  readonly debounce?: Duration.Input | undefined
  /** How often the clocks are compared. Default: 2 seconds. */
  readonly tick?: Duration.Input | undefined
  /** By how much the clocks may differ, or a timer of a visible page be late, without suspicion. Default: 3 seconds. */
  readonly tolerance?: Duration.Input | undefined
  /** Default: the page (or worker) that the program runs in. */
  readonly page?: Page | undefined
}

/**
 * The page's own life, as a service: what holds for the page now and what happens
 * to it.
 *
 * @category services
 * @since 0.1.0
 */
export class PageLifecycle extends Context.Service<
  PageLifecycle,
  {
    readonly condition: Watch.Watch<Condition>
    /** Every signal from now on. A slow reader loses the oldest of more than 64. */
    readonly signals: Stream.Stream<Signal>
    /** Calls `listener` inside the page's own event. Returns the function that ends it. */
    readonly listen: (listener: (signal: Signal) => void) => () => void
  }
>()("@kharbranth/browser/PageLifecycle") {}

/**
 * Lets a test move the page of `layerTest`.
 *
 * @category testing
 * @since 0.1.0
 */
export class Controller extends Context.Service<
  Controller,
  {
    /** Lets a signal happen, condition included. */
    readonly emit: (signal: Signal) => Effect.Effect<void>
  }
>()("@kharbranth/browser/PageLifecycle/Controller") {}

/**
 * Whether after this signal a connection that looked alive may be dead, so that
 * it is worth a probe.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWake = (signal: Signal): boolean =>
  signal._tag === "Online" ||
  signal._tag === "Resume" ||
  signal._tag === "Woke" ||
  (signal._tag === "PageShow" && signal.persisted)

/** What a signal of the page means to a connection. */
const meaning = (signal: Signal): ReadonlyArray<Surroundings.Signal> => {
  switch (signal._tag) {
    case "Online":
      return [{ _tag: "Woke", reason: "online again" }]
    case "Woke":
      return [{ _tag: "Woke", reason: "the page slept" }]
    case "Offline":
    case "Hidden":
      return [{ _tag: signal._tag }]
    case "Visible":
      return [{ _tag: "Shown" }]
    case "Freeze":
      return [{ _tag: "Frozen" }]
    case "Resume":
      return thawed
    case "PageHide":
      return signal.persisted ? [{ _tag: "Frozen" }] : []
    case "PageShow":
      return signal.persisted ? thawed : []
  }
}

const thawed: ReadonlyArray<Surroundings.Signal> = [{ _tag: "Thawed" }, { _tag: "Woke", reason: "the page goes on" }]

/**
 * Lets every connection made with it live with the page: asleep and awake, off
 * and on line, hidden and shown, frozen and resumed. See `Surroundings` for what
 * a connection does.
 *
 * @example
 * ```ts
 * import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
 * import * as PageLifecycle from "@kharbranth/browser/PageLifecycle"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Connection from "kharbranth/Connection"
 * import * as Heartbeat from "kharbranth/Heartbeat"
 *
 * class Ticker extends Connection.Service<Ticker>()("app/Ticker", {
 *   target: "wss://feed.example/ws",
 *   heartbeat: Heartbeat.text({ every: "20 seconds" })
 * }) {}
 *
 * const page = PageLifecycle.layerSurroundings({ hidden: { closeAfter: "10 minutes" } }).pipe(
 *   Layer.provide(PageLifecycle.layer())
 * )
 *
 * export const program = Ticker.pipe(
 *   Effect.flatMap((ticker) => ticker.send("hello")),
 *   Effect.provide(Ticker.layer),
 *   Effect.provide([BrowserTransport.layer(), page])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSurroundings = (options?: Surroundings.Options): Layer.Layer<never, never, PageLifecycle> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const page = yield* PageLifecycle
      return Surroundings.layer((listener) => {
        if (!page.condition.getUnsafe().visible) listener({ _tag: "Hidden" })
        return page.listen((signal) => meaning(signal).forEach(listener))
      }, options)
    })
  )

const awake: Condition = { online: true, visible: true, frozen: false }

const ownPage = (): Page => ({
  window: typeof addEventListener === "function" ? globalThis : undefined,
  document: typeof document === "object" ? document : undefined,
  navigator: typeof navigator === "object" ? navigator : {}
})

const conditionOf = (page: Page): Condition => ({
  online: page.navigator.onLine !== false,
  visible: page.document?.visibilityState !== "hidden",
  frozen: false
})

const signalsFrom = (initial: Condition): Effect.Effect<Signals.Signals, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => Signals.make(initial)),
    (signals) => Effect.sync(signals.end)
  )

const serviceOf = ({ condition, listen, stream }: Signals.Signals) =>
  PageLifecycle.of({ condition, signals: stream, listen })

/**
 * Listens to the page that the program runs in, until its scope closes. In a
 * process without a page (Node) nothing happens but `Woke`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options): Layer.Layer<PageLifecycle> =>
  Layer.effect(
    PageLifecycle,
    Effect.gen(function* () {
      const page = options?.page ?? ownPage()
      const life = yield* signalsFrom(conditionOf(page))
      yield* listenToPage(page, Duration.fromInputUnsafe(options?.debounce ?? "100 millis"), life.emit)
      yield* watchClocks({
        clock: yield* Clock.Clock,
        tick: Duration.fromInputUnsafe(options?.tick ?? "2 seconds"),
        tolerance: Duration.fromInputUnsafe(options?.tolerance ?? "3 seconds"),
        timersAreExact: () => life.condition.getUnsafe().visible,
        woke: (slept) => life.emit({ _tag: "Woke", slept })
      }).pipe(Effect.forkScoped({ startImmediately: true }))
      return serviceOf(life)
    })
  )

/**
 * A page that only its `Controller` moves: online, visible and awake at first.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerTest: Layer.Layer<PageLifecycle | Controller> = Layer.effectContext(
  Effect.map(signalsFrom(awake), (life) =>
    Context.make(PageLifecycle, serviceOf(life)).pipe(
      Context.add(Controller, { emit: (signal) => Effect.sync(() => life.emit(signal)) })
    )
  )
)
