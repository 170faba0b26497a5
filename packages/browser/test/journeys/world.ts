/** What a journey finds around it, in a process and in a page alike: a server that it can disturb, and ways to look. */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type { Entry, Verb } from "../rig/server.ts"

export class Unexpected extends Data.TaggedError("Unexpected")<{ readonly message: string }> {}

/** Fails unless the two are the same, as JSON. */
export const same = (what: string, actual: unknown, expected: unknown): Effect.Effect<void, Unexpected> => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  return a === b ? Effect.void : Effect.fail(new Unexpected({ message: `${what}: ${a} instead of ${b}` }))
}

export interface World {
  readonly ws: (path: string) => string
  /** Disturbs the server. */
  readonly perform: (verb: Verb) => Effect.Effect<void>
  readonly log: (path: string) => Effect.Effect<ReadonlyArray<Entry>>
  readonly hub: {
    readonly url: Effect.Effect<string>
    readonly cut: Effect.Effect<void>
    readonly tell: Effect.Effect<void>
  }
}

/** The world of a rig server, `origin` being its `http://host:port`. */
export const at = (origin: string): World => {
  const get = <A>(path: string, init?: RequestInit): Effect.Effect<A> =>
    Effect.promise(() => fetch(`${origin}${path}`, init).then((response) => response.json() as Promise<A>))
  const post = (path: string, body: string): Effect.Effect<void> =>
    Effect.promise(() => fetch(`${origin}${path}`, { method: "POST", body }).then((response) => response.text())).pipe(
      Effect.asVoid
    )
  return {
    ws: (path) => `${origin.replace(/^http/, "ws")}${path}`,
    perform: (verb) => post("/control/do", JSON.stringify(verb)),
    log: (path) =>
      Effect.map(get<ReadonlyArray<Entry>>("/control/log"), (log) => log.filter((entry) => entry.path === path)),
    hub: { url: get<string>("/control/hub"), cut: post("/control/hub/cut", ""), tell: post("/control/hub/tell", "") }
  }
}

/** Looks until what is seen satisfies the predicate. */
export const until = <A>(look: Effect.Effect<A>, holds: (a: A) => boolean): Effect.Effect<A> =>
  Effect.flatMap(look, (seen) => (holds(seen) ? Effect.succeed(seen) : until(look, holds)))

/** What the server was told on a path, in order. */
export const said = (world: World, path: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(world.log(path), (log) => log.flatMap((entry) => (entry.event === "message" ? [entry.what] : [])))
