/** The promises of a fleet, each checked against a history. */
import { dialLimit, lookEvery, overlap, type Record } from "./record.ts"

export interface Violation {
  readonly rule: string
  readonly detail: string
}

type Rule = (record: Record) => ReadonlyArray<string>

/** By name, in order. */
const byName = <A extends { readonly name: string }>(all: ReadonlyArray<A>): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) {
    const group = groups.get(one.name) ?? []
    group.push(one)
    groups.set(one.name, group)
  }
  return groups
}

/** Once a name was used under an epoch, nobody uses it under an older one. */
const inOrder = (all: ReadonlyArray<{ readonly at: number; readonly name: string; readonly epoch: number }>) => {
  const wrong: Array<string> = []
  for (const [name, uses] of byName(all)) {
    let highest = 0
    for (const { at, epoch } of uses) {
      if (epoch < highest) wrong.push(`${name} at ${at}: epoch ${epoch} after ${highest}`)
      highest = Math.max(highest, epoch)
    }
  }
  return wrong
}

const holes = (reads: Record["reads"]): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  for (const [name, all] of byName(reads)) {
    let last: number | undefined
    let marked = false
    let doubles = 0
    for (const read of all) {
      if ("gap" in read) marked = true
      else if ("doubles" in read) ({ doubles } = read)
      else {
        if (last !== undefined && read.seq <= last && doubles-- > 0) continue
        if (last !== undefined && read.seq <= last) wrong.push(`${name} at ${read.at}: ${read.seq} after ${last}`)
        if (last !== undefined && read.seq > last + 1 && !marked)
          wrong.push(`${name} at ${read.at}: ${read.seq} after ${last} without a gap`)
        last = read.seq
        marked = false
      }
    }
  }
  return wrong
}

const holders: Rule = ({ opened }) => {
  const known = new Map<string, string>()
  return opened.flatMap(({ at, epoch, holder, name }) => {
    const key = `${name} under ${epoch}`
    const first = known.get(key) ?? holder
    known.set(key, first)
    return first === holder ? [] : [`${key} at ${at}: ${holder} after ${first}`]
  })
}

const cursors: Rule = ({ opened, released }) => {
  const wrong: Array<string> = []
  for (const [name, all] of byName(opened)) {
    const forgotten = released.filter((one) => one.name === name)
    let last = 0
    let since = 0
    for (const { at, cursor } of all) {
      if (forgotten.some((one) => one.at >= since && one.at <= at)) last = 0
      since = at
      if (cursor < last) wrong.push(`${name} at ${at}: cursor ${cursor} after ${last}`)
      last = Math.max(last, cursor)
    }
  }
  return wrong
}

const sendings: Rule = ({ arrivals, sendings }) =>
  [...sendings.values()].flatMap(({ id, outcome }) => {
    const times = arrivals.get(id) ?? 0
    if (times > 1) return [`${id} arrived ${times} times`]
    return times === 1 && outcome === "Refused" ? [`${id} arrived and was refused`] : []
  })

const dials: Rule = ({ dials }) =>
  // Dials that were on their way for long stand behind later ones.
  dials
    .toSorted((one, other) => one - other)
    .flatMap((at, index, sorted) => {
      const first = sorted[index - dialLimit.most]
      return first !== undefined && at - first < dialLimit.window
        ? [`${dialLimit.most + 1} dials from ${first} to ${at}`]
        : []
    })

/** How long a permit that was granted before the others were held is used, by the slowest clock; and a look's worth. */
const usable = 1_000 * 1.05 + lookEvery

/** While the store holds a key, nobody dials; while one dial tries for all, no other does. */
const keptBack: Rule = ({ dialed, keptBack }) =>
  keptBack.flatMap(({ from, to, what }) => {
    const begin = what === "held" ? from + usable : from - lookEvery
    const inside = dialed.filter((at) => at > begin && at <= to)
    const most = what === "held" ? 0 : 1
    return inside.length > most ? [`${inside.length} dials while ${what} from ${from} to ${to}: ${inside.join()}`] : []
  })

/** Who goes on after its lease was freed stops in time. */
const overlaps: Rule = ({ opened, overlaps, reads, writes }) => {
  const buckets = new Map(opened.map(({ bucket, name }) => [name, bucket]))
  const until = new Map(overlaps.map(({ at, bucket, epoch }) => [`${bucket} ${epoch}`, at + overlap]))
  return [...reads, ...writes].flatMap(({ at, epoch, name }) => {
    const end = until.get(`${buckets.get(name)} ${epoch}`)
    return end === undefined || at <= end ? [] : [`${name} at ${at}: used under ${epoch} after ${end}`]
  })
}

const recovered: Rule = ({ fresh, sockets, wanted }) =>
  wanted.flatMap((name) => {
    const open = sockets.get(name)?.size ?? 0
    if (open !== 1) return [`${name} has ${open} sockets`]
    return fresh.has(name) ? [] : [`${name} delivers nothing`]
  })

const released: Rule = ({ sockets, wanted }) =>
  [...sockets].flatMap(([name, open]) =>
    open.size > 0 && !wanted.includes(name) ? [`${name} is open though released`] : []
  )

const rules: Readonly<{ [name: string]: Rule }> = {
  "one writer": ({ writes }) => inOrder(writes),
  "one reader": ({ reads }) => inOrder(reads),
  "epochs grow": ({ opened }) => inOrder(opened),
  "one holder for each epoch": holders,
  "every hole has its gap": ({ reads }) => holes(reads),
  "no watcher has a silent hole": ({ watched }) => holes(watched),
  "cursors never go back": cursors,
  "at most once": sendings,
  "dials within the limit": dials,
  "one refusal holds all": keptBack,
  "overlaps are bounded": overlaps,
  "all recover": recovered,
  "released names are closed": released
}

export const check = (record: Record): ReadonlyArray<Violation> =>
  Object.entries(rules).flatMap(([rule, broken]) => broken(record).map((detail) => ({ rule, detail })))
