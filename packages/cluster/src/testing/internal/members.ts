/**
 * Who should own which bucket, and how processes reach each other. Each process
 * sees joins and deaths a little later than the others, so two of them may believe
 * that a bucket is theirs: it is the leases that keep them apart.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { TestProcess } from "kharbranth/testing/TestNetwork"
import type { Answer, Ask, Engine } from "../../internal/engine/engine.ts"

interface Change {
  readonly at: number
  readonly member: string
  readonly isHere: boolean
}

interface Member {
  readonly process: TestProcess
  readonly isReachable: () => boolean
  answer: Ask | undefined
  show: ((name: string) => Stream.Stream<unknown>) | undefined
}

const hash = (text: string): number => {
  let state = 2_166_136_261
  for (let n = 0; n < text.length; n++) state = Math.imul(state ^ text.charCodeAt(n), 16_777_619)
  // The last letters must reach the high bits.
  state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d)
  return (state ^ (state >>> 12)) >>> 0
}

// As long as a cluster repeats a question before it gives up.
const deadline = 5_000
const repeatAfter = 250

export class Members {
  readonly buckets: ReadonlyArray<string>
  private readonly outer: Clock.Clock
  private readonly chance: () => number
  private changes: ReadonlyArray<Change> = []
  private readonly members = new Map<string, Member>()

  constructor(buckets: number, outer: Clock.Clock, chance: () => number) {
    this.buckets = Array.from({ length: buckets }, (_, n) => `b${n}`)
    this.outer = outer
    this.chance = chance
  }

  private now(): number {
    return this.outer.currentTimeMillisUnsafe()
  }

  /** Others see it come or go after `delay` milliseconds, and a lag of their own. */
  note(member: string, isHere: boolean, delay: number): void {
    const at = this.now() + delay
    // What was to be seen later is out of date.
    const others = this.changes.filter((change) => change.member !== member || change.at <= at)
    this.changes = [...others, { at, member, isHere }].toSorted((a, b) => a.at - b.at)
  }

  private seenAt(time: number): ReadonlyArray<string> {
    const here = new Set<string>()
    for (const { at, isHere, member } of this.changes) {
      if (at > time) break
      if (isHere) here.add(member)
      else here.delete(member)
    }
    return [...here]
  }

  private ownerOf(bucket: string, here: ReadonlyArray<string>): string | undefined {
    let best: string | undefined
    let highest = -1
    for (const member of here) {
      const score = hash(`${bucket}/${member}`)
      if (score > highest) [best, highest] = [member, score]
    }
    return best
  }

  private bucketOf(name: string): string {
    return this.buckets[hash(name) % this.buckets.length]!
  }

  /** The engine of one process, which sees everything `lag` milliseconds late. */
  engine(name: string, process: TestProcess, isReachable: () => boolean, lag: number): Engine {
    const member: Member = { process, isReachable, answer: undefined, show: undefined }
    this.members.set(name, member)
    return {
      bucketOf: (name) => this.bucketOf(name),
      owned: () => {
        const here = this.seenAt(this.now() - lag)
        return new Set(this.buckets.filter((bucket) => this.ownerOf(bucket, here) === name))
      },
      ask: (target, question) => {
        const until = this.now() + deadline
        const attempt: Effect.Effect<ReadonlyArray<Answer> | undefined> = Effect.suspend(() => {
          const owner = this.members.get(this.ownerOf(this.bucketOf(target), this.seenAt(this.now() - lag)) ?? "")
          const again = () =>
            this.now() > until
              ? Effect.undefined
              : Effect.andThen(this.outer.sleep(Duration.millis(repeatAfter)), attempt)
          if (owner?.answer === undefined || !owner.isReachable() || !isReachable()) return again()
          const reached = Effect.andThen(owner.process.awake, owner.answer(question))
          // An answer may be lost; the question is then repeated, as the cluster does.
          return Effect.flatMap(reached, (answers) => (this.chance() < 0.2 ? again() : Effect.succeed(answers)))
        })
        return Effect.andThen(attempt, (answers) => Effect.as(process.awake, answers))
      },
      watch: (target) => {
        // Ends with the owner, or goes on in silence at the next one, as the cluster does.
        const attempt: Stream.Stream<unknown> = Stream.suspend(() => {
          const owner = this.members.get(this.ownerOf(this.bucketOf(target), this.seenAt(this.now() - lag)) ?? "")
          const { show } = owner ?? {}
          if (owner === undefined || show === undefined || !owner.isReachable()) return Stream.empty
          const isOver = () => !owner.isReachable() || !isReachable()
          const gone: Effect.Effect<void> = Effect.suspend(() =>
            isOver() ? Effect.void : Effect.andThen(this.outer.sleep(Duration.millis(repeatAfter)), gone)
          )
          return Stream.interruptWhen(show(target), gone)
        })
        return Stream.concat(attempt, attempt)
      },
      serve: (answer, show) => {
        member.answer = answer
        member.show = show
        return Effect.addFinalizer(() =>
          Effect.sync(() => {
            member.answer = undefined
          })
        )
      }
    }
  }
}
