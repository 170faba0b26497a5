/**
 * Turns the manager's snapshots into rows, its changes into recoveries, and
 * shows both five times a second.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import type { Snapshot } from "kharbranth/ManagerEvent"
import type { Ledger } from "./ledger.ts"
import type { Row, Screen } from "./screen.ts"
import type { Blow } from "./storm.ts"
import { now } from "./time.ts"
import { feeds } from "./wire.ts"

export interface Dashboard {
  readonly say: (what: string) => void
  readonly blow: (blow: Blow) => void
}

interface Pulse {
  readonly at: number
  readonly messages: number
}

/** A feed's outage: from the loss of its session to the first message after it. */
interface Outage {
  readonly since: number
  /** How many messages there were when it was connected again. */
  back: number | undefined
}

export const make = (screen: Screen, ledger: Ledger, duration: number) =>
  Effect.gen(function* () {
    const manager = yield* ConnectionManager.ConnectionManager
    const start = now()
    const news: Array<string> = []
    const rates: Array<number> = []
    const pulses = new Map<string, ReadonlyArray<Pulse>>()
    const outages = new Map<string, Outage>()
    const ever = new Set<string>()
    const hotUntil = new Map<string, number>()
    let before = { at: start, messages: 0 }

    const seconds = () => (now() - start) / 1000
    const say = (what: string) => {
      news.push(`${seconds().toFixed(1).padStart(5)} s  ${what}`)
      screen.say(seconds(), what)
    }

    const rateOf = (feed: string): number => {
      const at = now()
      const { messages } = ledger.bookOf(feed)
      const recent = [...(pulses.get(feed) ?? []).filter((pulse) => at - pulse.at <= 1100), { at, messages }]
      pulses.set(feed, recent)
      const [oldest] = recent
      return oldest === undefined || at === oldest.at
        ? 0
        : Math.round(((messages - oldest.messages) * 1000) / (at - oldest.at))
    }

    const rowOf = (snapshot: Snapshot): Row => ({
      name: snapshot.name,
      state: snapshot.stateTag,
      gate: snapshot.gate ?? "",
      rate: rateOf(snapshot.name),
      rtt: snapshot.metrics.rtt?.last,
      outbox: snapshot.metrics.outbox.messages,
      gaps: ledger.bookOf(snapshot.name).gaps,
      reconnects: snapshot.metrics.reconnects,
      why: snapshot.lastError?.tag ?? "",
      hot: (hotUntil.get(snapshot.name) ?? 0) > now()
    })

    const totals = () => {
      const sum = { messages: 0, gaps: 0, undetected: 0, silent: 0 }
      for (const book of ledger.feeds.values()) {
        sum.messages += book.messages
        sum.gaps += book.gaps
        sum.undetected += book.undetected
        sum.silent += book.silent
      }
      return sum
    }

    const pushRate = (messages: number) => {
      const at = now()
      if (at - before.at < 400) return
      rates.push(Math.round(((messages - before.messages) * 1000) / (at - before.at)))
      if (rates.length > 60) rates.shift()
      before = { at, messages }
    }

    const recovered = () => {
      for (const [feed, outage] of outages) {
        if (outage.back === undefined || ledger.bookOf(feed).messages === outage.back) continue
        outages.delete(feed)
        ledger.recoveries.push(now() - outage.since)
        say(`${feed} is back after ${((now() - outage.since) / 1000).toFixed(2)} s`)
      }
    }

    const follow = Stream.runForEach(manager.changes, ({ name, state }) =>
      Effect.sync(() => {
        const outage = outages.get(name)
        if (state?._tag === "Connected") {
          ever.add(name)
          if (outage !== undefined) outage.back ??= ledger.bookOf(name).messages
        } else if (ever.has(name)) {
          hotUntil.set(name, now() + 5000)
          if (outage === undefined) outages.set(name, { since: now(), back: undefined })
          else outage.back = undefined
        }
      })
    )

    const draw = Effect.map(manager.snapshot, (snapshots) => {
      const byName = new Map(snapshots.map((snapshot) => [snapshot.name, snapshot]))
      const verdict = totals()
      pushRate(verdict.messages)
      const rows = feeds.flatMap((feed) => {
        const snapshot = byName.get(feed)
        return snapshot === undefined ? [] : [rowOf(snapshot)]
      })
      screen.draw({ elapsed: now() - start, duration, rows, rates, news, verdict })
    })

    yield* Effect.forkScoped(follow)
    yield* Effect.forkScoped(Effect.repeat(Effect.sync(recovered), Schedule.spaced("10 millis")))
    yield* Effect.forkScoped(Effect.repeat(draw, Schedule.spaced("200 millis")))

    const blow = ({ name, on, trouble }: Blow) => {
      say(`${name}: ${on}`)
      for (const feed of "feeds" in trouble ? trouble.feeds : []) hotUntil.set(feed, now() + 5000)
    }
    return { say, blow } satisfies Dashboard
  })
