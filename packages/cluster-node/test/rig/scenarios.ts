/**
 * What is done to a fleet, and what must hold of it. A scenario begins and ends
 * with a fleet whose names are all open; `broken` lists what did not hold.
 */
import { setTimeout as sleep } from "node:timers/promises"
import { busiest, most, percentile } from "./figures.ts"
import { isQuiet } from "./quiet.ts"
import type { Verdict } from "./judge.ts"
import type { Rig, Runner } from "./rig.ts"

export interface Outcome {
  /** In milliseconds where the key says nothing else. */
  readonly figures: Readonly<Record<string, number>>
  readonly broken: ReadonlyArray<string>
  /** Promises about times that did not hold while something else used the machine: they say nothing. */
  readonly unjudged: ReadonlyArray<string>
  /** Every promise, with what it was held to. */
  readonly bars: ReadonlyArray<Bar>
  /** How many statements the database had while names opened, and in a hundred seconds in which nothing happened. */
  readonly statements?: ReadonlyArray<{ readonly what: string; readonly opening: number; readonly idle: number }>
}

/** A promise, and whether it was kept. */
export interface Bar {
  readonly bar: string
  /** What was measured; `undefined` where the promise has no number in it. */
  readonly figure: number | undefined
  readonly isMet: boolean
}

/** Whether it holds, or a figure and the most that it may be. */
type Claim = boolean | readonly [figure: number, most: number]
type Claims = Readonly<Record<string, Claim>>

const barsOf = (claims: Claims): ReadonlyArray<Bar> =>
  Object.entries(claims).map(([bar, claim]) =>
    typeof claim === "boolean"
      ? { bar, figure: undefined, isMet: claim }
      : { bar, figure: Math.round(claim[0]), isMet: claim[0] <= claim[1] }
  )

const failing = (bars: ReadonlyArray<Bar>): ReadonlyArray<string> =>
  bars.flatMap(({ bar, isMet }) => (isMet ? [] : [bar]))

/** Claims hold on any machine; `times` are judged where the machine has time for nothing but the fleet. */
export const outcome = (figures: Outcome["figures"], claims: Claims, times: Claims = {}, isQuiet = true): Outcome => {
  const [bars, timed] = [barsOf(claims), barsOf(times)]
  return {
    figures: Object.fromEntries(Object.entries(figures).map(([key, value]) => [key, Math.round(value)])),
    broken: [...failing(bars), ...(isQuiet ? failing(timed) : [])],
    unjudged: isQuiet ? [] : failing(timed),
    bars: [...bars, ...timed]
  }
}

const shareOf = (verdict: Verdict, runner: Runner): number => verdict.open[runner.name] ?? 0

/** A fleet at rest, with nothing held against it. */
const begin = async (rig: Rig): Promise<Verdict> => {
  const verdict = await rig.settled()
  await rig.forget()
  return verdict
}

/** The same, and nothing moves any more: the cluster may still give a runner that came back its share. */
export const atRest = async (rig: Rig): Promise<void> => {
  for (let n = 0; n < 20; n++) {
    await begin(rig)
    await sleep(5_000)
    const { closes, dials } = await rig.verdict()
    if (closes === 0 && dials.length === 0) return
  }
  throw new Error("the fleet does not come to rest")
}

const gapsOf = ({ gaps }: Verdict) => ({
  "gap p50": percentile(gaps, 50),
  "gap p95": percentile(gaps, 95),
  "gap max": most(gaps)
})

export const never = (verdict: Verdict): Claims => ({
  "no name ever had two sockets": [verdict.doubles.length, 0],
  "no frame came from a socket that was out of date": [verdict.staleFrames, 0]
})

/**
 * Each name that closed opened once. Beside those of the runner that is gone, a few move among the others, because the
 * cluster's ring is not exact.
 */
const movesOf = (rig: Rig, { closes, dials }: Verdict, share: number) => ({
  beside: closes - share,
  isClean: dials.length === closes && closes >= share && closes - share <= rig.options.names / 5
})

/** All names of a dead runner are open elsewhere. */
const takenOver = async (rig: Rig, share: number) => {
  await rig.until("a first dial elsewhere", ({ dials }) => dials.length > 0)
  const first = Date.now()
  const verdict = await rig.settled()
  return { verdict, first, took: Date.now() - first, ...movesOf(rig, verdict, share) }
}

/** Names of a runner that was killed open elsewhere within ten seconds of the first. */
const killBar = 10_000

export const killed = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  const share = shareOf(await begin(rig), victim)
  const wasQuiet = await isQuiet()
  const at = Date.now()
  await rig.end(victim, "SIGKILL")
  const { beside, first, isClean, took, verdict } = await takenOver(rig, share)
  return outcome(
    {
      "names": share,
      "others that moved": beside,
      "first dial elsewhere": first - at,
      "all open after that": took,
      ...gapsOf(verdict)
    },
    {
      ...never(verdict),
      "its names moved, each once, and few others": isClean
    },
    { "all were open within 10 s of the first": [took, killBar] },
    wasQuiet && (await isQuiet())
  )
}

/** Its watchdog kills it, before another process can claim its lease. */
const endedByWatchdog = async (rig: Rig, victim: Runner, share: number, at: number): Promise<Outcome> => {
  await rig.gone(victim)
  const died = Date.now() - at
  const { isClean, verdict } = await takenOver(rig, share)
  return outcome(
    { "names": share, "killed after": died, "lease": rig.options.ttl, ...gapsOf(verdict) },
    {
      ...never(verdict),
      "it was killed": victim.remote.process.signalCode === "SIGKILL",
      // Its sockets stayed open until then, so one dial elsewhere before would have been a second socket.
      "it was dead before its lease could be claimed": [verdict.doubles.length, 0],
      "its names moved, each once, and few others": isClean
    }
  )
}

/** It is paused for longer than its lease lasts, and its watchdog does not wait for that. */
export const stoppedWatched = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  const share = shareOf(await begin(rig), victim)
  const at = Date.now()
  victim.remote.signal("SIGSTOP")
  return endedByWatchdog(rig, victim, share, at)
}

/** Nobody kills it: the fence alone keeps its sockets unused. */
export const stoppedUnwatched = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  const share = shareOf(await begin(rig), victim)
  const before = await rig.stats(victim)
  victim.remote.signal("SIGSTOP")
  await rig.until("its names are open elsewhere", ({ doubles }) => doubles.length >= share)
  // What the server sends to the paused one waits in its kernel.
  await sleep(3_000)
  const paused = await rig.verdict()
  victim.remote.signal("SIGCONT")
  const at = Date.now()
  await rig.until("its sockets are gone", ({ open }) => total(open) === rig.options.names)
  const gone = Date.now() - at
  await sleep(2_000)
  const after = await rig.stats(victim)
  const stale = (after?.staleDelivered ?? NaN) - (before?.staleDelivered ?? NaN)
  const verdict = await rig.verdict()
  return outcome(
    {
      "names with two sockets": paused.doubles.length,
      "longest of them": most(verdict.doubles.map(({ millis }) => millis)),
      "gone after it went on": gone,
      "stale frames at the server (number)": verdict.staleFrames,
      "stale messages at its consumers (number)": stale
    },
    {
      "the server saw no frame of the one that was out of date": [verdict.staleFrames, 0],
      "its consumers got nothing that was out of date": [stale, 0]
    }
  )
}

const total = (open: Verdict["open"]): number => Object.values(open).reduce((sum, count) => sum + count, 0)

/** Shorter than a lease: nobody notices. */
export const stoppedShortly = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  await atRest(rig)
  victim.remote.signal("SIGSTOP")
  await sleep(rig.options.ttl * 0.3)
  victim.remote.signal("SIGCONT")
  await sleep(3_000)
  const verdict = await rig.verdict()
  return outcome(
    { paused: rig.options.ttl * 0.3, closes: verdict.closes },
    { ...never(verdict), "nothing moved": [verdict.closes + verdict.dials.length, 0] }
  )
}

export const databaseRestarted = async (rig: Rig, away: number): Promise<Outcome> => {
  await atRest(rig)
  await rig.database.stop()
  await sleep(away)
  await rig.database.start()
  // Leases that were not renewed since would be over by then.
  await sleep(rig.options.ttl)
  const verdict = await rig.verdict()
  return outcome(
    { away, closes: verdict.closes },
    { ...never(verdict), "no connection closed": [verdict.closes + verdict.dials.length, 0] }
  )
}

/**
 * Longer than a lease: at most one is worth more than one. A process that has too little CPU to cut its sockets in
 * time is killed for it, and started again, as a container would be.
 */
export const databaseAway = async (rig: Rig): Promise<Outcome> => {
  await begin(rig)
  const count = rig.runners.size
  await rig.database.stop()
  const at = Date.now()
  await rig.until("every socket is closed", ({ open }) => total(open) === 0)
  const closed = Date.now() - at
  await rig.database.start()
  const back = Date.now()
  const ends = await rig.buryTheDead()
  await rig.fill(count)
  const verdict = await rig.settled()
  return outcome(
    {
      "all closed after": closed,
      "lease": rig.options.ttl,
      "killed by watchdogs (number)": ends.length,
      "all open after it was back": Date.now() - back
    },
    {
      ...never(verdict),
      "all closed before their leases ended": [closed, rig.options.ttl + 1_000],
      "no process ended for another reason than its watchdog": ends.every((end) => end === "SIGKILL")
    }
  )
}

export const cutFromDatabase = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  const share = shareOf(await begin(rig), victim)
  victim.proxy.cut()
  const at = Date.now()
  const cut = await rig.until("its sockets are closed", ({ closes }) => closes >= share)
  const closed = Date.now() - at
  const others = rig.options.names
  const verdict = await rig.until("its names are open elsewhere", ({ open }) => total(open) === others)
  victim.proxy.heal()
  await rig.buryTheDead()
  await rig.settled()
  const { beside, isClean } = movesOf(rig, verdict, share)
  return outcome(
    { "names": share, "closed after": closed, ...gapsOf(verdict) },
    {
      ...never(verdict),
      // Until then, only names that move among the others were dialed.
      "its sockets closed before its names opened elsewhere": [Math.max(0, cut.dials.length - beside), 0],
      "few others moved": isClean
    }
  )
}

const planned = (verdict: Verdict): Claims => ({
  ...never(verdict),
  "whatever closed opened again, once": verdict.dials.length === verdict.closes
})

const inTime = ({ options: { moveBar } }: Rig, { gaps }: Verdict): Claims => ({
  [`breakFirst: gap p95 is at most ${moveBar / 1_000} s`]: [percentile(gaps, 95), moveBar]
})

export const left = async (rig: Rig, leavers: ReadonlyArray<Runner>): Promise<Outcome> => {
  const before = await begin(rig)
  const wasQuiet = await isQuiet()
  const share = leavers.reduce((sum, runner) => sum + shareOf(before, runner), 0)
  const at = Date.now()
  await Promise.all(leavers.map((runner) => rig.end(runner, "SIGTERM")))
  const ended = Date.now() - at
  const verdict = await rig.settled()
  return outcome(
    { "names": share, "ended after": ended, "moves": verdict.dials.length, ...gapsOf(verdict) },
    { ...planned(verdict), "all its names moved": verdict.closes >= share },
    inTime(rig, verdict),
    wasQuiet && (await isQuiet())
  )
}

export const joined = async (rig: Rig, count: number): Promise<Outcome> => {
  await begin(rig)
  const wasQuiet = await isQuiet()
  await rig.joinAll(count)
  const verdict = await rig.settled()
  return outcome(
    { moves: verdict.dials.length, ...gapsOf(verdict) },
    planned(verdict),
    inTime(rig, verdict),
    wasQuiet && (await isQuiet())
  )
}

const during = (when: string, { bars }: Outcome): ReadonlyArray<Bar> =>
  bars.map((bar) => ({ ...bar, bar: `${when}: ${bar.bar}` }))

/** All new ones join, then all old ones leave. */
export const deployed = async (rig: Rig): Promise<Outcome> => {
  await begin(rig)
  const old = [...rig.runners.values()]
  const coming = await joined(rig, old.length)
  const going = await left(rig, old)
  return {
    figures: {
      "moves per name in percent": Math.round(
        (100 * ((coming.figures["moves"] ?? 0) + (going.figures["moves"] ?? 0))) / rig.options.names
      ),
      "gap p95 while they join": coming.figures["gap p95"] ?? 0,
      "gap p95 while they leave": going.figures["gap p95"] ?? 0
    },
    broken: [...coming.broken, ...going.broken],
    unjudged: [...coming.unjudged, ...going.unjudged],
    bars: [...during("while they join", coming), ...during("while they leave", going)]
  }
}

/** Its event loop does nothing for two leases: it is killed, and loses nothing by it. */
export const blocked = async (rig: Rig, victim: Runner): Promise<Outcome> => {
  const share = shareOf(await begin(rig), victim)
  await victim.remote.ask("block", rig.options.ttl * 2)
  return endedByWatchdog(rig, victim, share, Date.now())
}

/** From the first dial of the fleet to the last name of the dead, no window has more dials than the limit. */
export const withinBudget = async (rig: Rig, victim: Runner, limit: number, window: number): Promise<Outcome> => {
  await rig.settled()
  await rig.end(victim, "SIGKILL")
  const verdict = await rig.settled()
  const max = busiest(verdict.dials, window)
  return outcome(
    { "dials": verdict.dials.length, "limit": limit, "most in a window": max },
    { ...never(verdict), "no window had more dials than the limit": [max, limit] }
  )
}
