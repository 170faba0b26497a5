// Proves rotations (`makeFirst`) on real loopback sockets, while the feed writes
// to every login at each turn of the event loop and the client sends all the
// time: over 20 swaps nothing is lost either way but what a `Gap` marks, which
// stands only where the next swap cut an overlap short; what the overlap brings
// twice is never seen with `dedupe`, the reader sees one rising sequence, and
// each next socket of the server heard exactly the next stretch, in order.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Entry } from "kharbranth/Inbox"
import { WebSocket } from "ws"
import { connect, record } from "../support/supervised.ts"
import { serve } from "../support/wsServer.ts"

const rotations = 20
/** How much must go each way between two swaps. */
const between = 50

/** Writes every number to every login, one number at each turn of the event loop. */
class Feed {
  published = 0
  /** Numbers written to two logins. */
  doubled = 0
  /** What each socket brought, in the order in which they came. */
  readonly heard: Array<Array<number>> = []
  private readonly logins = new Set<WebSocket>()
  private talking = true

  readonly accept = (ws: WebSocket): void => {
    const got: Array<number> = []
    this.heard.push(got)
    this.logins.add(ws)
    ws.on("message", (data: Buffer) => got.push(Number(data.toString())))
    ws.on("close", () => this.logins.delete(ws))
  }

  readonly hasOneLogin = (): boolean => this.logins.size === 1

  publish(): void {
    const open = [...this.logins].filter(({ readyState }) => readyState === WebSocket.OPEN)
    if (open.length === 0) return
    for (const ws of open) ws.send(String(this.published))
    this.published++
    if (open.length > 1) this.doubled++
  }

  readonly talk = (): void => {
    if (!this.talking) return
    this.publish()
    setImmediate(this.talk)
  }

  readonly silence = (): void => {
    this.talking = false
  }
}

const turn = Effect.callback<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Turns of the event loop until it holds; what never holds is the test's timeout. */
const until = (condition: () => boolean): Effect.Effect<void> =>
  Effect.whileLoop({ while: () => !condition(), body: () => turn, step: () => undefined })

const rising = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, index) => index)

/** Numbers that do not follow on the one before, where no `Gap` says that some may be missing; none is ever out of order. */
const unmarked = (entries: ReadonlyArray<Entry<string>>): ReadonlyArray<number> => {
  const found: Array<number> = []
  let [last, marked] = [-1, false]
  for (const entry of entries) {
    if (entry._tag === "Gap") marked = true
    if (entry._tag !== "Message") continue
    const number = Number(entry.message)
    if (marked ? number <= last : number !== last + 1) found.push(number)
    last = number
    marked = false
  }
  return found
}

describe("Rotation", () => {
  it.live(
    `${rotations} swaps under traffic both ways: nothing lost, nothing twice, in order`,
    ({ annotate }) =>
      Effect.gen(function* () {
        const feed = new Feed()
        const server = yield* serve(feed.accept)
        const connection = yield* connect(server.url, {
          heartbeat: Heartbeat.none,
          rotate: { overlap: "50 millis", dedupe: (text) => text }
        })
        const log = yield* record(connection)
        const entries: Array<Entry<string>> = []
        const seen: Array<number> = []
        /** The sessions that took over in a whole overlap. */
        const whole = new Set<number>()
        const note = (entry: Entry<string>) =>
          Effect.sync(() => {
            entries.push(entry)
            if (entry._tag === "Message") seen.push(Number(entry.message))
          })
        yield* Effect.forkScoped(Stream.runForEach(connection.entries, note), { startImmediately: true })

        let [sent, sending] = [0, true]
        const send = Effect.suspend(() => connection.send(String(sent++)))
        const sender = yield* Effect.forkScoped(
          Effect.whileLoop({ while: () => sending, body: () => Effect.andThen(send, turn), step: () => undefined })
        )
        yield* Effect.sync(feed.talk)
        for (let swap = 0; swap < rotations; swap++) {
          const [read, wrote] = [seen.length + between, sent + between]
          yield* until(() => seen.length >= read && sent >= wrote)
          yield* connection.restart({ mode: "makeFirst" })
          // every other swap comes while the overlap of the one before still lasts
          if (swap % 2 === 1) continue
          yield* until(feed.hasOneLogin)
          whole.add(swap + 2)
        }
        const [read, wrote] = [seen.length + between, sent + between]
        yield* until(() => seen.length >= read && sent >= wrote)
        sending = false
        yield* until(() => sender.pollUnsafe() !== undefined)
        feed.silence()
        yield* until(() => seen.at(-1) === feed.published - 1 && feed.heard.flat().length >= sent)
        yield* until(feed.hasOneLogin)
        // whatever would come twice comes before this
        feed.publish()
        yield* until(() => seen.at(-1) === feed.published - 1)

        assert.strictEqual(log.of("Rotated").length, rotations)
        assert.strictEqual(feed.heard.length, rotations + 1)
        assert.isAbove(feed.doubled, rotations, "swaps in which nothing is doubled prove little")
        assert.deepStrictEqual(unmarked(entries), [])
        assert.strictEqual(seen[0], 0)
        assert.deepStrictEqual(feed.heard.flat(), rising(sent))
        // one whose overlap the next swap cut short may have lost something, for all that the client can know
        const gaps = entries.filter((entry) => entry._tag === "Gap").map(({ epoch }) => epoch)
        assert.deepStrictEqual(gaps, [...new Set(gaps)])
        assert.deepStrictEqual(
          gaps.filter((epoch) => whole.has(epoch)),
          []
        )
        yield* Effect.promise(() =>
          annotate(`${feed.published} in, ${feed.doubled} of them doubled by the feed; ${sent} out; none lost or twice`)
        )
      }),
    30_000
  )
})
