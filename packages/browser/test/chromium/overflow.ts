/**
 * The page of the tests of overflow: a connection with a small inbox, whose
 * reader stops at the first batch until it is told to read on.
 */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Inbox from "kharbranth/Inbox"
import { expose } from "../rig/bridge.ts"

export type Policy = keyof typeof policies

const policies = {
  fail: "fail",
  dropOldest: "dropOldest",
  dropNewest: { shed: Inbox.dropNewest },
  conflate: { shed: Inbox.conflate, key: (text: string) => text.charAt(8) }
} as const

/** What the reader got: numbers of messages, and in their places how many were dropped. */
export interface Seen {
  readonly got: Array<{ readonly message: number } | { readonly dropped: number; readonly atMost: boolean }>
  /** The tag of the error that ended the stream. */
  readonly failed: string | undefined
}

const numberOf = (text: string) => Number(text.slice(0, 9))

let connection: Connection.Connection<string, string> | undefined
const readOn = Deferred.makeUnsafe<void>()
const got: Seen["got"] = []
let failed: string | undefined

const note = (entry: Inbox.Entry<string>) => {
  if (entry._tag === "Message") got.push({ message: numberOf(entry.message) })
  if (entry._tag === "Lagged") got.push({ dropped: entry.dropped, atMost: entry.atMost })
}

const make = (url: string, policy: Policy, highWaterMark: number) => {
  const program = Effect.gen(function* () {
    connection = yield* Connection.make("page", {
      target: url,
      codec: Codec.text,
      inbox: { highWaterMark, overflow: policies[policy] }
    })
    yield* Stream.runForEachArray(connection.entries, (batch) => {
      batch.forEach(note)
      return got.length === 0 ? Effect.void : Deferred.await(readOn)
    }).pipe(Effect.catch((error) => Effect.sync(() => (failed = error._tag))))
  })
  ManagedRuntime.make(BrowserTransport.layer()).runFork(Effect.scoped(program))
}

expose({
  make,
  arrived: () => (connection === undefined ? 0 : Connection.metrics(connection).pipe(Effect.map((m) => m.messagesIn))),
  state: () => connection?.state.getUnsafe()._tag,
  readOn: () => void Deferred.doneUnsafe(readOn, Exit.void),
  seen: (): Seen => ({ got, failed })
})
