/**
 * Metrics of every connection that a program makes, by groups of connections:
 * ten thousand cost a scrape as many series as ten. They are in Effect's own
 * registry of metrics, so each of its exporters sends them; `Prometheus` and
 * `Otlp` are ready layers for two.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { InvalidOptions } from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import type { DialBudget } from "kharbranth/DialBudget"
import type { Figures } from "kharbranth/Subscriptions"
import { Fleet } from "./internal/groups/fleet.ts"
import { sessionBegan } from "./internal/groups/sessions.ts"
import * as Sources from "./internal/groups/sources.ts"

/**
 * How connections are grouped, and what else is exported.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /** The group that a connection is counted in. Default: its first tag, or `"default"`. */
  readonly group?: ((connection: Pick<ConnectionObserver.Observed, "name" | "tags">) => string) | undefined
  /**
   * How many groups there may be. A group is a name and the server that is
   * dialed; those that come later are one group `"other"`. It is also how many
   * keys of a budget are told apart. Default: 8.
   */
  readonly maxGroups?: number | undefined
  /**
   * Counts connections one by one, by the attribute `kharbranth.connection`: so
   * many at a time, and the rest as `"other"`. Each has the series of a whole
   * group. Default: not at all.
   */
  readonly perConnection?: { readonly max: number } | undefined
  /** Writes a log line at Info when a session ends, with how long it lived and why it ended. Default: false. */
  readonly sessionLog?: boolean | undefined
  /**
   * Traces each session by a span `kharbranth.session`, from its dial to its
   * end. Exporters send it only then; Effect's DevTools show it at once.
   * Default: false.
   */
  readonly sessionSpan?: boolean | undefined
}

/**
 * How many topics there are, and in which states. `Subscriptions` counts them in
 * its figures; whatever else keeps topics can count its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicCounts extends Pick<Figures, "topics" | "confirmed" | "quarantined"> {}

/**
 * What can be watched beside connections.
 *
 * @category services
 * @since 0.1.0
 */
export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Exports who waits for a dial budget, and its circuit breakers, until the Scope closes. */
    readonly watchBudget: (budget: DialBudget) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Exports how many topics are confirmed, pending and in quarantine, until the Scope closes.
     * The figures are read within one turn: an effect that waits is not for them.
     */
    readonly watchSubscriptions: (
      subscriptions: { readonly figures: Effect.Effect<TopicCounts> },
      group: string
    ) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@kharbranth/telemetry/Telemetry") {}

const firstTag = ({ tags }: Pick<ConnectionObserver.Observed, "tags">): string => tags[0] ?? "default"

const invalid = (path: ReadonlyArray<string>, value: number | undefined): InvalidOptions | undefined =>
  value === undefined || (Number.isInteger(value) && value >= 1)
    ? undefined
    : new InvalidOptions({ connection: "telemetry", path, issue: "expected a whole number of at least 1" })

const make = (options: Options) =>
  Effect.gen(function* () {
    const { group = firstTag, maxGroups = 8, perConnection, sessionLog = false, sessionSpan = false } = options
    const problem = invalid(["maxGroups"], maxGroups) ?? invalid(["perConnection", "max"], perConnection?.max)
    if (problem !== undefined) return yield* problem
    const context = yield* Effect.context<never>()
    const fleet = new Fleet(
      context,
      { groupOf: group, maxGroups, perConnection: perConnection?.max ?? 0 },
      sessionBegan(context, { sessionLog, sessionSpan })
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => fleet.end()))
    const watch = (...given: Parameters<Fleet["watch"]>) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => fleet.watch(...given)),
          (forget) => Effect.sync(forget)
        )
      )
    const telemetry = Telemetry.of({
      watchBudget: (budget) => watch({}, Sources.budgetSource(budget, maxGroups)),
      watchSubscriptions: ({ figures }, name) =>
        watch({ "kharbranth.group": name }, Sources.subscriptionsSource(figures))
    })
    return Layer.merge(Layer.succeed(Telemetry, telemetry), ConnectionObserver.layer(fleet.observe))
  })

/**
 * Measures every connection that is made with it: those of managers, pools,
 * feeds and hubs too. Provide it below them, and below the layer of your
 * exporter.
 *
 * @example
 * ```ts
 * import * as Telemetry from "@kharbranth/telemetry/Telemetry"
 * import * as Connection from "kharbranth/Connection"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Metric from "effect/Metric"
 * import { deepStrictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make({ seed: 1 })
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   yield* Effect.gen(function*() {
 *     yield* Connection.make("echo", { target: "wss://echo.example/", tags: ["demo"] })
 *     const all = yield* Metric.snapshot
 *     const connected = all.filter(({ attributes }) => attributes?.["kharbranth.state"] === "connected")
 *     deepStrictEqual(connected.map(({ state }) => state), [{ value: 1 }])
 *   }).pipe(Effect.provide(Telemetry.layer()), network.provide)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Telemetry, InvalidOptions> => Layer.unwrap(make(options))

/**
 * Also exports the dial budget of the manager.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerManager: Layer.Layer<never, never, Telemetry | ConnectionManager.ConnectionManager> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { watchBudget } = yield* Telemetry
      const { budget } = yield* ConnectionManager.ConnectionManager
      yield* watchBudget(budget)
    })
  )
