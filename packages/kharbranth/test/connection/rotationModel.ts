/**
 * Rotations (`makeFirst`) under continuous traffic both ways, in virtual time,
 * and the judge of what came of it; what they prove is said in RotationTraffic.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Codec from "../../src/Codec.ts"
import * as Connection from "../../src/Connection.ts"
import * as Outbox from "../../src/Outbox.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import type { Entry } from "../../src/Inbox.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as TestNetwork from "../../src/testing/TestNetwork.ts"
import { fork, randomOf } from "../manager/managerRig.ts"
import { firstSeed } from "../support/histories.ts"
import { run, url } from "../support/virtual.ts"

/** How the feed and the client are. */
export interface Setting {
  /** Whether the client knows what makes two messages the same. */
  readonly dedupe: boolean
  /** Whether a login ends the one before. Such a server acknowledges, so that what it never got is sent again. */
  readonly kicks: boolean
}

export interface Story {
  /** What the feed published: 0 to this. */
  readonly published: number
  /** What the client sent: 0 to this. */
  readonly sent: number
  /** What the reader saw, markers included. */
  readonly entries: ReadonlyArray<Entry<string>>
  /** What the server got, socket by socket. */
  readonly received: ReadonlyArray<ReadonlyArray<number>>
  /** Messages that the feed wrote to two sockets of this client. */
  readonly doubled: number
  readonly rotated: number
}

const rotationsEach = 10

/** A feed that numbers what it says to every login, and writes down what it hears. */
class Feed {
  published = 0
  doubled = 0
  readonly received: Array<Array<number>> = []
  private readonly live = new Set<TestNetwork.Peer>()
  private readonly kicks: boolean

  constructor(kicks: boolean) {
    this.kicks = kicks
  }

  readonly script = (peer: TestNetwork.Peer): Effect.Effect<void> => {
    const got: Array<number> = []
    this.received.push(got)
    const older = [...this.live]
    if (this.kicks) this.live.clear()
    this.live.add(peer)
    const listen = peer.listen({
      frame: (frame) => {
        got.push(Number(frame))
        if (this.kicks) peer.sendUnsafe([`ack ${String(frame)}`])
      },
      ended: () => void this.live.delete(peer)
    })
    return this.kicks
      ? Effect.andThen(
          listen,
          Effect.forEach(older, (other) => Effect.forkDetach(other.close(4_001, "logged in elsewhere")))
        )
      : listen
  }

  publish(): void {
    const text = String(this.published++)
    let copies = 0
    for (const peer of this.live) if (peer.sendUnsafe([text])) copies++
    this.doubled += Math.max(0, copies - 1)
  }
}

const story = (seed: number, { dedupe, kicks }: Setting): Effect.Effect<Story, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const network = yield* TestNetwork.make({ seed, latency: random.whole(1, 20), jitter: random.whole(0, 40) })
    const feed = new Feed(kicks)
    yield* network.serve(url, feed.script)
    const connection = yield* Connection.make("feed", {
      target: url,
      codec: Codec.text,
      heartbeat: Heartbeat.none,
      reconnect: Reconnect.make({ schedule: Reconnect.prompt.schedule, stableAfter: "200 millis" }),
      rotate: dedupe ? { dedupe: (text) => text } : {},
      ...(kicks
        ? {
            outbox: {
              acks: {
                id: (text: string) => text,
                match: (text: string) => (text.startsWith("ack ") ? text.slice(4) : undefined)
              }
            }
          }
        : {})
    }).pipe(network.provide)
    const entries: Array<Entry<string>> = []
    yield* fork(Stream.runForEach(connection.entries, (entry) => Effect.sync(() => entries.push(entry))))
    let rotated = 0
    yield* fork(
      Stream.runForEach(connection.events, ({ _tag }) => Effect.sync(() => void (_tag === "Rotated" && rotated++)))
    )

    let talking = true
    let sent = 0
    const often = <E>(gap: number, one: Effect.Effect<unknown, E>) =>
      fork(
        Effect.whileLoop({
          while: () => talking,
          body: () =>
            Effect.andThen(
              one,
              Effect.suspend(() => Effect.sleep(random.whole(1, gap)))
            ),
          step: () => {}
        })
      )
    const publishing = yield* often(
      8,
      Effect.sync(() => feed.publish())
    )
    const sending = yield* often(
      12,
      Effect.suspend(() => connection.send(String(sent++), kicks ? { replay: Outbox.ifUnknown } : {}))
    )
    for (let index = 0; index < rotationsEach; index++) {
      yield* Effect.sleep(random.whole(400, 900))
      yield* connection.restart({ mode: "makeFirst" })
    }
    yield* Effect.sleep("1 second")
    talking = false
    yield* Effect.sleep("5 seconds")
    assert.isDefined(publishing.pollUnsafe())
    assert.isDefined(sending.pollUnsafe(), `seed ${seed}: a send hangs`)
    return { published: feed.published, sent, entries, received: feed.received, doubled: feed.doubled, rotated }
  })

export interface Verdict {
  /** Numbers of the feed that nobody saw, where no `Gap` says so. */
  readonly lost: ReadonlyArray<number>
  /** Numbers that the reader saw again. */
  readonly twice: number
  /** Of those, the ones beyond what the marker of their session announced. */
  readonly unannounced: number
  readonly gaps: number
  /** Numbers that came after a greater one within one session. */
  readonly disordered: number
  /** Numbers of the client that the server never got, and those that it got again. */
  readonly unheard: ReadonlyArray<number>
  readonly heardTwice: number
  /** Numbers that one socket brought after a greater one. */
  readonly heardDisordered: number
}

const missing = (seen: ReadonlySet<number>, from: number, count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => from + index).filter((number) => !seen.has(number))

const descents = (numbers: ReadonlyArray<number>): number =>
  numbers.filter((number, index) => index > 0 && number < numbers[index - 1]!).length

export const judge = ({ entries, published, received, sent }: Story): Verdict => {
  const seen = new Set<number>()
  const covered = new Set<number>()
  let [last, twice, unannounced, gaps, disordered] = [-1, 0, 0, 0, 0]
  let [doubles, gapBefore] = [0, false]
  for (const entry of entries) {
    if (entry._tag === "SessionOpened") {
      doubles = entry.possibleDuplicates
      last = -1
    }
    if (entry._tag === "Gap") {
      gaps++
      gapBefore = true
    }
    if (entry._tag !== "Message" || entry.message.startsWith("ack ")) continue
    const number = Number(entry.message)
    if (gapBefore) {
      const greatest = Math.max(-1, ...seen)
      for (let between = greatest + 1; between < number; between++) covered.add(between)
      gapBefore = false
    }
    if (seen.has(number)) {
      twice++
      if (doubles-- <= 0) unannounced++
    }
    if (number < last) disordered++
    last = number
    seen.add(number)
  }
  // What was published before the first login has nobody to go to.
  const first = Math.min(...seen)
  const heard = received.flat()
  const known = new Set(heard)
  return {
    lost: missing(seen, first, published - first).filter((number) => !covered.has(number)),
    twice,
    unannounced,
    gaps,
    disordered,
    unheard: missing(known, 0, sent),
    heardTwice: heard.length - known.size,
    heardDisordered: received.reduce((sum, numbers) => sum + descents(numbers), 0)
  }
}

const total = { rotated: 0, doubled: 0, twice: 0, gaps: 0, heardTwice: 0 }

const rotations = async (
  runs: number,
  setting: Setting,
  look: (verdict: Verdict, story: Story, at: string) => void
) => {
  const sums = { ...total }
  for (let seed = firstSeed; seed < firstSeed + runs / rotationsEach; seed++) {
    const told = await run(story(seed, setting))
    const verdict = judge(told)
    assert.deepStrictEqual(verdict.lost, [], `SEED=${seed}: lost`)
    assert.deepStrictEqual(verdict.unheard, [], `SEED=${seed}: the server never got`)
    // What a kicked session took with it is sent again when its end is known, which may be after newer messages.
    if (!setting.kicks) assert.strictEqual(verdict.heardDisordered, 0, `SEED=${seed}: order at the server`)
    look(verdict, told, `SEED=${seed}`)
    sums.rotated += told.rotated
    sums.doubled += told.doubled
    sums.twice += verdict.twice
    sums.gaps += verdict.gaps
    sums.heardTwice += verdict.heardTwice
  }
  return sums
}

/** Registers so many rotations for each kind of server and client. */
export const rotating = (runs: number) =>
  describe("rotation under traffic both ways", () => {
    it(`${runs} with dedupe: nothing lost, nothing twice, in order`, { timeout: 600_000 }, async ({ annotate }) => {
      const sums = await rotations(runs, { dedupe: true, kicks: false }, (verdict, { rotated }, at) => {
        assert.strictEqual(rotated, rotationsEach, `${at}: rotated`)
        assert.strictEqual(verdict.twice, 0, `${at}: twice`)
        assert.strictEqual(verdict.disordered, 0, `${at}: order`)
        assert.strictEqual(verdict.gaps, 0, `${at}: gaps`)
        assert.strictEqual(verdict.heardTwice, 0, `${at}: the server got twice`)
      })
      assert.isAbove(sums.doubled, runs, "rotations in which nothing was doubled prove little")
      await annotate(`${sums.rotated} rotations, ${sums.doubled} doubles written by the server, 0 seen`)
    })

    it(`${runs} without: what comes twice is announced`, { timeout: 600_000 }, async ({ annotate }) => {
      const sums = await rotations(runs, { dedupe: false, kicks: false }, (verdict, { rotated }, at) => {
        assert.strictEqual(rotated, rotationsEach, `${at}: rotated`)
        assert.strictEqual(verdict.unannounced, 0, `${at}: twice, and not announced`)
        assert.strictEqual(verdict.disordered, 0, `${at}: order within a session`)
        assert.strictEqual(verdict.gaps, 0, `${at}: gaps`)
      })
      assert.isAbove(sums.twice, runs / 2, "rotations in which nothing came twice prove little")
      await annotate(`${sums.rotated} rotations, ${sums.doubled} doubles written by the server, ${sums.twice} seen`)
    })

    it(`${runs} at a server that kicks the older login`, { timeout: 600_000 }, async ({ annotate }) => {
      const sums = await rotations(runs, { dedupe: true, kicks: true }, (verdict, _, at) => {
        assert.strictEqual(verdict.twice, 0, `${at}: twice`)
        assert.strictEqual(verdict.disordered, 0, `${at}: order`)
      })
      await annotate(
        `${sums.rotated} swaps, ${sums.gaps} gaps, ${sums.heardTwice} sent again although they had arrived`
      )
    })
  })
