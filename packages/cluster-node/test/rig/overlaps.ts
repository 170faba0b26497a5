/**
 * A deploy of names that move with `makeFirst`: for a moment each has two sockets at
 * the server. None is ever without one, and their consumers get every beat once.
 */
import type { Heard } from "./feedKind.ts"
import { most, percentile } from "./figures.ts"
import { isQuiet } from "./quiet.ts"
import type { Rig } from "./rig.ts"
import { atRest, type Outcome, outcome } from "./scenarios.ts"

/** How long two owners may overlap by default, in milliseconds. */
const longest = 30_000

/** What followed on what at the consumers of one name; the last one aside, which may still go on. */
interface Continuity {
  /** Consumers that began neither with a `Gap` nor right behind the one before. */
  readonly torn: ReadonlyArray<string>
  readonly gaps: number
}

const continuityOf = (all: ReadonlyArray<Heard>): Continuity => {
  const torn: Array<string> = []
  const byName = new Map<string, ReadonlyArray<Heard>>()
  for (const one of all) if (one.beats > 0) byName.set(one.name, [...(byName.get(one.name) ?? []), one])
  for (const [name, heard] of byName) {
    const sorted = heard.toSorted((a, b) => a.first! - b.first!)
    for (const [index, one] of sorted.entries()) {
      const before = sorted[index - 1]
      const isWhole = one.last! - one.first! + 1 === one.beats
      const follows = before === undefined || one.first === before.last! + 1
      if (one.gaps === 0 && !(isWhole && follows)) torn.push(name)
    }
  }
  return { torn, gaps: all.reduce((sum, { gaps }) => sum + gaps, 0) }
}

export const deployedMakeFirst = async (rig: Rig): Promise<Outcome> => {
  await atRest(rig)
  const wasQuiet = await isQuiet()
  const before = (await rig.heard()).reduce((sum, { gaps }) => sum + gaps, 0)
  const old = [...rig.runners.values()]
  await rig.joinAll(old.length)
  await rig.settled()
  await Promise.all(old.map((runner) => rig.end(runner, "SIGTERM")))
  const verdict = await rig.settled()
  const { closes, dials, doubles, gaps } = verdict
  const spans = doubles.map(({ millis }) => millis)
  const unnamed = doubles.filter(({ name }) => !rig.overlapping.has(name))
  const heard = continuityOf(await rig.heard())
  const found = heard.gaps - before
  return outcome(
    {
      "moves": dials.length,
      "names without a socket (number)": gaps.length,
      "overlap p50": percentile(spans, 50),
      "overlap p95": percentile(spans, 95),
      "overlap max": most(spans),
      "gaps at consumers (number)": found
    },
    {
      "every name moved": dials.length >= rig.options.names && dials.length === closes,
      "no name was ever without a socket": [gaps.length, 0],
      "every move overlapped, and its owner had said so": doubles.length === dials.length && unnamed.length === 0,
      "no overlap was longer than it may be": [most(spans), longest],
      "consumers without a Gap got every beat once": [heard.torn.length, 0]
    },
    // The old session has a second to answer that nothing is on its way.
    { "no consumer found a Gap": [found, 0] },
    wasQuiet && (await isQuiet())
  )
}
