/**
 * From the page's events to signals. Each signal is emitted inside its event,
 * except the network's, which waits until the network has been quiet for a while.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Page, Signal } from "../../PageLifecycle.ts"

type Emit = (signal: Signal) => void
type Target = NonNullable<Page["window"]>

export const listenToPage = (
  page: Page,
  debounce: Duration.Duration,
  emit: Emit
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.gen(function* () {
    const network = yield* debounced(debounce, emit)
    const { document, window } = page
    if (window === undefined) return
    yield* on(window, "online", () => network({ _tag: "Online" }))
    yield* on(window, "offline", () => network({ _tag: "Offline" }))
    yield* on(window, "pagehide", (event) => emit({ _tag: "PageHide", persisted: isPersisted(event) }))
    yield* on(window, "pageshow", (event) => emit({ _tag: "PageShow", persisted: isPersisted(event) }))
    if (document === undefined) return
    yield* on(document, "visibilitychange", () =>
      emit({ _tag: document.visibilityState === "hidden" ? "Hidden" : "Visible" })
    )
    yield* on(document, "freeze", () => emit({ _tag: "Freeze" }))
    yield* on(document, "resume", () => emit({ _tag: "Resume" }))
  })

const isPersisted = (event: Event): boolean => "persisted" in event && event.persisted === true

const on = (target: Target, type: string, listener: (event: Event) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => target.addEventListener(type, listener)),
    () => Effect.sync(() => target.removeEventListener(type, listener))
  )

/** Emits only the last signal of a burst, once nothing has followed it for a while. */
const debounced = (quiet: Duration.Duration, emit: Emit) =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    let pending: Fiber.Fiber<void> | undefined
    yield* Effect.addFinalizer(() => Effect.sync(() => pending?.interruptUnsafe()))
    return (signal: Signal) => {
      pending?.interruptUnsafe()
      pending = run(
        Effect.andThen(
          Effect.sleep(quiet),
          Effect.sync(() => emit(signal))
        )
      )
    }
  })
