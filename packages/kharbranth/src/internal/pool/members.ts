/** What both kinds of pool share: the names of members, and how one is opened. */
import type * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Codec from "../../Codec.ts"
import type { Connection } from "../../Connection.ts"
import type { ConnectionError, InvalidOptions } from "../../ConnectionError.ts"
import type { ConnectOptions, Manager } from "../../ConnectionManager.ts"
import * as Check from "../model/check.ts"

export class PoolFull extends Data.TaggedError("PoolFull")<{
  readonly pool: string
  readonly item: string
}> {
  override get message(): string {
    return `Pool "${this.pool}": no member has room for "${this.item}". Raise \`max\` or the caps, or release other items.`
  }
}

/** A member, whatever it carries. */
export type Line = Connection<unknown, unknown>

export type LineOptions = ConnectOptions<Codec.Codec<unknown, unknown>, string, never>

export const nameOf = (pool: string, index: number): string => `${pool}/${index}`

export const tagOf = (pool: string): string => `pool:${pool}`

export const checkName = (pool: string): InvalidOptions | undefined =>
  typeof pool === "string" && pool !== "" ? undefined : Check.invalid("", ["name"], "expected a name")

/** Opens a member without waiting until it is Ready: one that is down must not hold up the others. */
export const opener = <R>(
  manager: Manager,
  pool: string,
  environment: Context.Context<R>,
  options: (index: number) => LineOptions
) => {
  const connect = manager.connect as unknown as (
    name: string,
    options: LineOptions
  ) => Effect.Effect<Line, ConnectionError, R>
  return (index: number): Effect.Effect<Line, ConnectionError> =>
    Effect.suspend(() => {
      const own = options(index)
      return connect(nameOf(pool, index), {
        ...own,
        startup: own.startup === "lazy" ? "lazy" : "background",
        tags: [...(own.tags ?? []), tagOf(pool)]
      })
    }).pipe(Effect.provideContext(environment))
}
