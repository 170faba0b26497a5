/**
 * A live dashboard of every connection that your program makes, for your own
 * browser: which of them are in trouble, whose fault it is, what happens next.
 * It is served on this machine alone, behind a token.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { InvalidOptions } from "kharbranth/ConnectionError"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as DialBudget from "kharbranth/DialBudget"
import * as Recorder from "kharbranth/Recorder"
import { Transport } from "kharbranth/Transport"
import type { DevtoolsError } from "./DevtoolsError.ts"
import { CurrentFaults } from "./internal/faults/faults.ts"
import { build } from "./internal/server/build.ts"
import * as Guard from "./internal/server/guard.ts"
import * as Http from "./internal/server/http.ts"
import * as Page from "./internal/server/page.ts"

/**
 * Where the dashboard is, and what it may do.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options {
  /**
   * Default: 0, any that is free. Two programs then never collide, and the address
   * has to be copied anyway, for its token. Give a port and a `token`, and an open
   * page comes back by itself when your program restarts.
   */
  readonly port?: number | undefined
  /** What the page calls your program. Default: the name of the file that Node runs. */
  readonly title?: string | undefined
  /** Whether a viewer may restart, rotate, probe and close connections. Default: false. */
  readonly commands?: boolean | undefined
  /** Whether a viewer may break connections of a transport that is wrapped in {@link faulty}. Default: false. */
  readonly faults?: boolean | undefined
  /** 22 to 128 letters, digits, `-` and `_`. Default: 128 random bits, others in each run. */
  readonly token?: Redacted.Redacted | undefined
}

/**
 * The dashboard that is served.
 *
 * @category services
 * @since 0.1.0
 */
export class Devtools extends Context.Service<
  Devtools,
  {
    /** The address to open in a browser, with the token: print it, and do not log it where others read. */
    readonly url: string
  }
>()("@kharbranth/devtools/Devtools") {}

const invalid = (path: string, issue: string): InvalidOptions =>
  new InvalidOptions({ connection: "devtools", path: [path], issue })

const check = ({ port = 0, token }: Options): InvalidOptions | undefined => {
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    return invalid("port", "expected a whole number from 0 to 65,535")
  if (token !== undefined && !Guard.isToken(Redacted.value(token)))
    return invalid("token", "expected 22 to 128 letters, digits, - and _")
  return undefined
}

const defaultTitle = (): string => process.argv[1]?.replace(/^.*[\\/]/, "") ?? "Node"

const make = Effect.fnUntraced(function* (options: Options, recorder: Recorder.Recorder["Service"]) {
  const wrong = check(options)
  if (wrong !== undefined) return yield* wrong
  const { commands = false, faults = false, port = 0, title = defaultTitle() } = options
  const token = options.token === undefined ? Guard.newToken() : Redacted.value(options.token)
  const page = yield* Page.read(Page.built)
  const built = yield* build({ title, commands, faults }, recorder)
  const bound = yield* Http.serve({ port, token, page, board: built.board })
  const service = Devtools.of({ url: `http://127.0.0.1:${bound}/?token=${token}` })
  return Layer.mergeAll(
    Layer.succeed(Devtools, service),
    Layer.succeed(DialBudget.Observer, built.watchBudget),
    Layer.succeed(CurrentFaults, built.faults),
    ConnectionObserver.layer(built.observer)
  )
})

/** The recorder below, or one of its own. */
const recording: Layer.Layer<Recorder.Recorder, InvalidOptions> = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(Recorder.Recorder),
    Option.match({ onNone: () => Recorder.layer(), onSome: (recorder) => Layer.succeed(Recorder.Recorder, recorder) })
  )
)

/**
 * Serves a dashboard of every connection that is made with it: those of managers,
 * pools, feeds and hubs, and single ones. Provide it below them, as you provide a
 * `Recorder` or telemetry; it goes together with those. It records connections by
 * the `Recorder` below it, or by one of its own with every default.
 *
 * @example
 * ```ts
 * import * as Devtools from "@kharbranth/devtools/Devtools"
 * import * as Effect from "effect/Effect"
 * import { match, strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   // Print it: it has the token.
 *   const { url } = yield* Devtools.Devtools
 *   match(url, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{22}$/)
 *   const guessed = yield* Effect.promise(() => fetch(new URL("/", url)))
 *   strictEqual(guessed.status, 401)
 * })
 *
 * await Effect.runPromise(Effect.provide(program, Devtools.layer({ title: "prices" })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Devtools | Recorder.Recorder, DevtoolsError | InvalidOptions> =>
  Layer.unwrap(Effect.map(Recorder.Recorder, (recorder) => Layer.unwrap(make(options, recorder)))).pipe(
    Layer.provideMerge(recording)
  )

/**
 * A transport that the dashboard below it can break: sockets that go silent, cuts,
 * HTTP 401, close code 1013, slowness. Without a dashboard that has `faults: true`
 * it is the transport itself, and costs nothing.
 *
 * @example
 * ```ts
 * import * as Devtools from "@kharbranth/devtools/Devtools"
 * import * as NodeTransport from "@kharbranth/node/NodeTransport"
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as Layer from "effect/Layer"
 *
 * export const Connections = ConnectionManager.layer().pipe(
 *   Layer.provide(Devtools.faulty(NodeTransport.layer)),
 *   Layer.provideMerge(Devtools.layer({ faults: true }))
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const faulty = <E, R>(transport: Layer.Layer<Transport, E, R>): Layer.Layer<Transport, E, R> =>
  Layer.effect(
    Transport,
    Effect.gen(function* () {
      const real = yield* Transport
      const faults = yield* CurrentFaults
      return faults?.wrap(real) ?? real
    })
  ).pipe(Layer.provide(transport))
