/** The model as a store: its tables in this process, its time the clock's. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { FleetStore, News, Notice } from "../../FleetStore.ts"
import * as Model from "./model.ts"

/** Notices to all that listen in this process. */
export class Voice implements News {
  private readonly listeners = new Set<(notice: Notice) => void>()
  private waiting: Array<Notice> = []

  readonly tell = (notice: Notice): void => {
    this.waiting.push(notice)
  }

  /** Once the step is whole: a listener may look at the tables within the call. */
  flush(): void {
    const notices = this.waiting
    this.waiting = []
    for (const notice of notices) for (const listener of this.listeners) listener(notice)
  }

  readonly listen: News["listen"] = (heard) =>
    Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.listeners.add(heard)),
        () => Effect.sync(() => this.listeners.delete(heard))
      )
    )
}

const two = (): number => 2

/** A store whose tables stay in the caller's hands. */
export const over = (
  tables: () => Model.Tables,
  voice: Voice,
  counted: (statements: number) => void = () => {}
): FleetStore["Service"] => {
  /** `statements`: how many the same takes in Postgres. */
  const at = <A>(
    step: (tables: Model.Tables, now: number) => A,
    statements: (answer: A) => number = () => 1
  ): Effect.Effect<A> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      const answer = step(tables(), now)
      counted(statements(answer))
      voice.flush()
      return answer
    })
  return {
    news: voice,
    leases: {
      claim: (claim) =>
        at(
          (tables, now) => Model.claim(tables, now, claim),
          ({ claimed }) => (claimed.length < claim.buckets.length ? 2 : 1)
        ),
      renew: (leases, ttl) => at((tables, now) => Model.renew(tables, now, leases, ttl)),
      release: (leases) => at((tables, now) => Model.release(tables, now, leases)),
      all: at(Model.standings)
    },
    wishes: {
      put: (wishes) => at((tables) => Model.put(tables, wishes)),
      remove: (names) => at((tables) => Model.remove(tables, names)),
      pause: (names, paused) => at((tables) => Model.pause(tables, names, paused)),
      select: (selection) => at((tables) => Model.select(tables, selection)),
      version: at(({ version }) => version),
      saveCursors: (lease, cursors) => at((tables, now) => Model.saveCursors(tables, now, lease, cursors))
    },
    outboxes: {
      put: (lease, parked) => at((tables, now) => Model.putParked(tables, now, lease, parked)),
      take: (leases) => at((tables, now) => Model.takeParked(tables, now, leases)),
      forget: (leases) => at((tables) => Model.forgetParked(tables, leases))
    },
    handovers: {
      begin: (lease, notes, millis) => at((tables, now) => Model.beginOverlap(tables, now, lease, notes, millis)),
      note: (lease, notes) => at((tables, now) => Model.note(tables, now, lease, notes)),
      read: (bucket) => at((tables, now) => Model.readHandover(tables, now, bucket), two)
    },
    permits: {
      take: (take) => at((tables, now) => Model.take(tables, now, take), two),
      settle: (id, unused) => at((tables, now) => Model.settle(tables, now, id, unused)),
      hold: (key, millis) => at((tables, now) => Model.hold(tables, now, key, millis)),
      failed: (key, breaker) => at((tables, now) => Model.failed(tables, now, key, breaker), two),
      worked: (key) => at((tables) => Model.worked(tables, key), two)
    }
  }
}

export const make: Effect.Effect<FleetStore["Service"]> = Effect.sync(() => {
  const voice = new Voice()
  const tables = Model.empty(voice.tell)
  return over(() => tables, voice)
})
