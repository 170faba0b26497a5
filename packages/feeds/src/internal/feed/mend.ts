/**
 * Brings a book back: a ladder of remedies from the one that the venue's numbers
 * want up to a new socket, with growing waits between the steps. It works while
 * the topic is subscribed; a socket that is gone is the connection's to replace.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import type { Reason } from "../../FeedEvent.ts"
import type { Rest } from "../../Rest.ts"
import type { Remedy } from "../../Sequencer.ts"
import type { BookLeg } from "./bookLeg.ts"

type Step = Exclude<Remedy, "ignore">

/** What is done about a book, for those who watch. */
export interface Mending {
  readonly _tag: "Resync"
  readonly step: Step
  readonly reason: Reason | "first"
  /** How many steps came before this one since the book was last right for a while. */
  readonly attempt: number
}

export interface MendOptions {
  readonly rest: Rest
  readonly now: () => number
  readonly report: (mending: Mending) => void
  readonly failed: (issue: string) => void
}

const ladders: Readonly<Record<Remedy, ReadonlyArray<Step>>> = {
  rest: ["rest", "rest", "rest", "resubscribe", "rest", "rest", "reconnect"],
  resubscribe: ["resubscribe", "resubscribe", "reconnect"],
  reconnect: ["reconnect", "resubscribe"],
  // The next frame mends it, if one comes.
  ignore: ["resubscribe", "reconnect"]
}

/** How long a step, or a new subscription, may take until the book is right. */
const patience = Duration.seconds(10)

/** A book that was right for so long was mended: the next loss starts the ladder over. */
const mendedAfter = 5_000

/** A book that was right for so long may cost its neighbours their socket again. */
const calmAfter = 30_000

const longestWait = 60_000

/** Books that the stream itself brings back, unless it takes too long. */
const patient: ReadonlySet<Reason> = new Set(["disconnected", "resubscribed", "asked", "rejected"])

const isPatient = (leg: BookLeg): boolean => {
  const { continuity, status } = leg.book
  return (
    continuity.bootstrap !== "rest" &&
    (status._tag !== "Stale" || patient.has(status.reason) || continuity.sequencer.remedy === "ignore")
  )
}

const isNeeded = (leg: BookLeg): boolean => leg.isOn && !leg.isSynced && !leg.isPaused

const reasonOf = ({ book: { status } }: BookLeg): Reason | "first" =>
  status._tag === "Stale" ? status.reason : "first"

/** Where a socket has to be replaced, it is for what concerns all of it; a topic of its own is subscribed again. */
const ladderOf = (remedy: Remedy, reason: Reason | "first"): ReadonlyArray<Step> =>
  ladders[remedy === "reconnect" && reason !== "connection" ? "resubscribe" : remedy]

/** So many new sockets that did not help this book are enough: its neighbours pay for each. */
const reconnectsAtMost = 3

/** How far up the ladder a book's mending is. */
class Climb {
  attempt = 0
  private reconnects = 0
  private losses = 0
  private last: Step | undefined

  /** A book that was right for a while, or that lost its socket by no doing of ours, starts at the bottom. */
  notice(leg: BookLeg): void {
    if (leg.losses === this.losses) return
    this.losses = leg.losses
    if (leg.rightFor >= calmAfter) this.reconnects = 0
    if (leg.rightFor >= mendedAfter || (reasonOf(leg) === "disconnected" && this.last !== "reconnect")) this.attempt = 0
  }

  next(ladder: ReadonlyArray<Step>): Step {
    const step = ladder[this.attempt % ladder.length]!
    this.attempt++
    this.last = step === "reconnect" && this.reconnects >= reconnectsAtMost ? "resubscribe" : step
    if (this.last === "reconnect") this.reconnects++
    return this.last
  }

  /** How long to wait before the next step; `chance` in [0, 1). */
  wait(chance: number): Duration.Duration {
    const most = this.attempt === 0 ? 0 : Math.min(longestWait, 250 * 2 ** this.attempt)
    return Duration.millis(most * (0.5 + chance / 2))
  }
}

/** Works on a leg's book for as long as its fiber lives. */
export const mend = (leg: BookLeg, options: MendOptions): Effect.Effect<never> => {
  const climb = new Climb()
  const { remedy } = leg.book.continuity.sequencer
  const needed = leg.waiting.until(() => (isNeeded(leg) ? Effect.void : undefined))
  const mended = leg.waiting
    .until(() => (isNeeded(leg) ? undefined : Effect.void))
    .pipe(Effect.timeoutOption(patience), Effect.asVoid)
  const prepare = Effect.suspend(() => {
    climb.notice(leg)
    if (climb.attempt === 0) return isPatient(leg) ? mended : Effect.void
    return Effect.flatMap(Random.next, (chance) => Effect.sleep(climb.wait(chance)))
  })
  const step = Effect.suspend(() => {
    if (!isNeeded(leg)) return Effect.void
    const reason = reasonOf(leg)
    const { attempt } = climb
    const next = climb.next(ladderOf(remedy, reason))
    options.report({ _tag: "Resync", step: next, reason, attempt })
    if (next === "rest") return bootstrap(leg, options)
    const acted = act(leg, next, reason)
    return leg.book.continuity.bootstrap === "rest" ? acted : Effect.andThen(acted, mended)
  })
  return Effect.forever(Effect.andThen(needed, Effect.andThen(prepare, step)))
}

const act = (leg: BookLeg, step: "resubscribe" | "reconnect", reason: Reason | "first"): Effect.Effect<void> => {
  const { line, topic } = leg
  const why = reason === "sequence" || reason === "checksum" ? reason : (`custom:${reason}` as const)
  return step === "resubscribe"
    ? Effect.asVoid(line.topics.resubscribe(topic, why))
    : line.reconnectOf(topic, `the book of ${topic.symbol} is not right: ${reason}`)
}

const bootstrap = (leg: BookLeg, { failed, now, rest }: MendOptions): Effect.Effect<void> => {
  const { line, topic } = leg
  const request = line.venue.snapshot?.(topic)
  if (request === undefined) return Effect.void
  return rest.ask({ url: request.url, weight: line.options.line.limits.rest.snapshot }).pipe(
    Effect.match({
      onFailure: (error) => failed(error.message),
      onSuccess: (body) => {
        const found = request.decode(body, now())
        if (Result.isFailure(found)) failed(found.failure.message)
        else leg.bootstrap(found.success)
      }
    })
  )
}
