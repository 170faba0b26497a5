/**
 * Connections declared in Effect's `Config`: one entry, such as an environment
 * variable, that holds the JSON which `ConnectionManager.parse` reads. A module
 * of its own, because `Config` imports all of `Schema`.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Connection from "./Connection.ts"
import { type ConnectionError, InvalidOptions } from "./ConnectionError.ts"
import { ConnectionManager } from "./ConnectionManager.ts"
import { decodeJson, Failure } from "./internal/model/json.ts"

/**
 * Opens what the entry `name` of the configuration declares, all at once.
 * Whatever is wrong with it is named by path, and no value is repeated.
 *
 * @example
 * ```ts
 * import * as ConfigProvider from "effect/ConfigProvider"
 * import * as Effect from "effect/Effect"
 * import * as ConnectionManager from "kharbranth/ConnectionManager"
 * import * as ConnectionManagerConfig from "kharbranth/ConnectionManagerConfig"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import { deepStrictEqual } from "node:assert"
 *
 * const FEEDS = `{ "connections": { "ticker": { "url": "wss://feed.example/ws", "codec": "text" } } }`
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   return yield* Effect.gen(function*() {
 *     const manager = yield* ConnectionManager.ConnectionManager
 *     yield* ConnectionManagerConfig.declare("FEEDS")
 *     return yield* manager.names
 *   }).pipe(Effect.provide(ConnectionManager.layer()), network.provide)
 * }).pipe(Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromUnknown({ FEEDS })))
 *
 * deepStrictEqual(await Effect.runPromise(Effect.scoped(program)), ["ticker"])
 * ```
 *
 * @category declaring
 * @since 0.1.0
 */
export const declare = (
  name: string
): Effect.Effect<ReadonlyArray<Connection.Any>, ConnectionError | Config.ConfigError, ConnectionManager> =>
  Effect.gen(function* () {
    const text = yield* Config.String(name)
    const configuration = decodeJson(text)
    if (configuration instanceof Failure) {
      return yield* new InvalidOptions({ connection: name, path: [name], issue: configuration.issue })
    }
    const manager = yield* ConnectionManager
    return yield* manager.declare(configuration)
  })
