/** The kind of all names of the rig, and what its consumers write down of what they got. */
import * as FleetKind from "@kharbranth/cluster/FleetKind"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import type * as Inbox from "kharbranth/Inbox"

/** What the server of feeds sends: a beat to every socket, numbered, or its answer to one. */
export interface Message {
  readonly at: number
  readonly n?: number
  readonly said?: string
}

/** What one consumer got, from one opening of a name to its end. */
export interface Heard {
  readonly name: string
  /** The numbers of the first and the last beat, and how many there were. */
  readonly first: number | undefined
  readonly last: number | undefined
  readonly beats: number
  readonly gaps: number
}

type Mutable<A> = { -readonly [K in keyof A]: A[K] }

/** What all consumers of a process count. */
export class Ears {
  delivered = 0
  staleDelivered = 0
  gaps = 0
  readonly open = new Set<Mutable<Heard>>()
  private readonly tooOld: number

  /** Messages older than that, in milliseconds, count as stale. */
  constructor(tooOld: number) {
    this.tooOld = tooOld
  }

  listen(name: string): Mutable<Heard> {
    const heard = { name, first: undefined, last: undefined, beats: 0, gaps: 0 }
    this.open.add(heard)
    return heard
  }

  hear(heard: Mutable<Heard>, entries: ReadonlyArray<Inbox.Entry<unknown>>): void {
    for (const entry of entries) {
      if (entry._tag === "Gap") {
        this.gaps++
        heard.gaps++
      }
      if (entry._tag !== "Message") continue
      const { at, n } = entry.message as Message
      this.delivered++
      if (Date.now() - at > this.tooOld) this.staleDelivered++
      if (n === undefined) continue
      heard.first ??= n
      heard.last = n
      heard.beats++
    }
  }
}

export interface Feed {
  /** The port of the server of feeds. */
  readonly port: number
  /** What the server calls this process. */
  readonly holder: string
  readonly handover?: "breakFirst" | "makeFirst" | undefined
  /** Whether its consumers write nothing. */
  readonly isQuiet?: boolean | undefined
}

export const feedKind = (
  { handover, holder, isQuiet = false, port }: Feed,
  ears: Ears,
  ended: (heard: Heard) => void
) =>
  FleetKind.make("feed", {
    params: Schema.Struct({}),
    codec: Codec.json,
    handover,
    open: (_, { lease, name }) => ({
      target: `ws://127.0.0.1:${port}/${name}?epoch=${lease.epoch}&holder=${holder}`,
      budget: ["feed"]
    }),
    dedupe: (message) => (message as Message).n,
    consume: ({ connection, entries, name }) =>
      Effect.suspend(() => {
        const heard = ears.listen(name)
        const writes = Effect.forever(
          Effect.andThen(Effect.sleep("500 millis"), Effect.ignore(connection.send("beat", { whenDown: "drop" })))
        )
        const reads = Stream.runForEachArray(entries, (all) => Effect.sync(() => ears.hear(heard, all)))
        const end = Effect.sync(() => {
          ears.open.delete(heard)
          ended(heard)
        })
        return Effect.ensuring(isQuiet ? reads : Effect.race(reads, writes), end)
      })
  })
