/**
 * What the demo's processes say to each other. There are three: the client, the
 * simulated venues, and a naive client. Books pass with their sequence numbers as
 * bigints, so the channel between them must take more than JSON.
 */
import { type ChildProcess, fork } from "node:child_process"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Believed } from "../../packages/feeds/test/support/naive.ts"

export const venueIds = ["binance-spot", "bybit", "okx", "coinbase", "kraken"] as const
export type VenueId = (typeof venueIds)[number]

/** Symbols of each venue; those of one index are of one asset. */
export const symbolsEach = 40

export const clients = ["kharbranth", "naive"] as const
export type Client = (typeof clients)[number]

/** Where a venue's own addresses are served instead. */
export interface Served {
  readonly port: number
  readonly hosts: ReadonlyArray<string>
}

export type Addresses = Readonly<Record<VenueId, Served>>

export interface Ready {
  readonly _tag: "ready"
  /** Each client has venues of its own, with the same seed and the same faults. */
  readonly addresses: Readonly<Record<Client, Addresses>>
  readonly symbols: Readonly<Record<VenueId, ReadonlyArray<string>>>
}

/** How many of the books that a client believed were right. */
export interface Audited {
  readonly right: number
  readonly wrong: number
  /** Their step is not known to the venue any more. */
  readonly unknown: number
  /** The first wrong one, in words. */
  readonly example: string | undefined
}

export interface Report {
  readonly violations: number
  readonly bans: number
  readonly refused: number
  readonly dials: number
  readonly sent: number
  readonly injected: number
  /** The rules that were broken, with how often. */
  readonly rules: Readonly<Record<string, number>>
}

export type ToVenues =
  | {
      readonly _tag: "audit"
      readonly id: number
      readonly client: Client
      readonly venue: VenueId
      readonly books: ReadonlyArray<Believed>
    }
  | { readonly _tag: "finish" }

export type FromVenues =
  | Ready
  | { readonly _tag: "audited"; readonly id: number; readonly result: Audited }
  | { readonly _tag: "fault"; readonly venue: VenueId; readonly name: string; readonly count: number }
  | { readonly _tag: "report"; readonly reports: Readonly<Record<Client, Report>> }

export type ToNaive =
  | { readonly _tag: "start"; readonly addresses: Addresses; readonly symbols: Ready["symbols"] }
  | { readonly _tag: "finish" }

export type FromNaive =
  | { readonly _tag: "books"; readonly venue: VenueId; readonly books: ReadonlyArray<Believed> }
  | {
      readonly _tag: "report"
      readonly dials: number
      readonly messages: number
      /** Trades that never came, and nobody said so. */
      readonly undetected: number
    }

/** `wss://host/path` as it is served: `ws://127.0.0.1:port/host/path`. */
export const rewrite = (addresses: Addresses, url: string): string => {
  const [, scheme = "", host = "", rest = ""] = /^(ws|http)s?:\/\/([^/?]+)(.*)$/.exec(url) ?? []
  const served = Object.values(addresses).find(({ hosts }) => hosts.includes(host))
  return served === undefined ? url : `${scheme}://127.0.0.1:${served.port}/${host}${rest}`
}

/** A process of the demo's own, for as long as the scope lives; it ends when its channel does. */
export const child = (file: string, args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      fork(new URL(file, import.meta.url), [...args], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        serialization: "advanced"
      })
    ),
    (process: ChildProcess) =>
      Effect.callback<void>((resume) => {
        if (process.exitCode !== null || process.signalCode !== null) return resume(Effect.void)
        process.once("exit", () => resume(Effect.void))
        if (process.connected) process.disconnect()
      })
  )

export class ProcessEnded extends Data.TaggedError("ProcessEnded")<{ readonly awaited: string }> {
  override get message(): string {
    return `A process of the demo ended before its "${this.awaited}" came.`
  }
}

/** The next message of a kind; fails if the process ends before. */
export const next = <M extends { readonly _tag: string }, Tag extends M["_tag"]>(
  process: ChildProcess,
  tag: Tag
): Effect.Effect<Extract<M, { readonly _tag: Tag }>, ProcessEnded> =>
  Effect.callback((resume) => {
    const listen = (message: M): void => {
      if (message._tag === tag) done(Effect.succeed(message as Extract<M, { readonly _tag: Tag }>))
    }
    const ended = (): void => done(Effect.fail(new ProcessEnded({ awaited: tag })))
    const done = (effect: Effect.Effect<Extract<M, { readonly _tag: Tag }>, ProcessEnded>): void => {
      process.off("message", listen)
      process.off("exit", ended)
      resume(effect)
    }
    process.on("message", listen)
    process.on("exit", ended)
    return Effect.sync(() => {
      process.off("message", listen)
      process.off("exit", ended)
    })
  })

/** Ends this process with its parent, once the scope is closed; Ctrl-C at a terminal is the parent's to take. */
export const followParent = (scope: Scope.Closeable): void => {
  const stop = (): void => {
    void Effect.runPromise(Scope.close(scope, Exit.void)).then(() => process.exit(0))
  }
  process.once("disconnect", stop)
  process.once("SIGINT", () => {})
  process.once("SIGTERM", stop)
}
