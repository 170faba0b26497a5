/**
 * Proves for each venue that names beginnings: all that `classify` says of a frame
 * follows from how it begins. Simulated venues send frames of every kind, through
 * refusals, notices, cuts and frames that are lost, doubled and swapped. A frame
 * that is recognized, whole or cut anywhere, is what `classify` says it is, and
 * nearly all data is recognized. A failing run prints its seed.
 */
import { assert, describe, it } from "@effect/vitest"
import { Beginnings, type Topics } from "../../src/internal/line/beginnings.ts"
import * as Simulator from "../../src/simulator/Simulator.ts"
import type * as VenueFault from "../../src/simulator/VenueFault.ts"
import type * as Topic from "../../src/Topic.ts"
import type { Kind, Venue } from "../../src/Venue.ts"
import * as Venues from "../../src/Venues.ts"
import { random } from "../support/random.ts"
import { type Line, lines } from "./lines.ts"
import { Reader } from "./reader.ts"

const faults: VenueFault.Script = [
  ...(["Gap", "Duplicate", "Swap"] as const).map((_tag) => ({ fault: { _tag }, chance: 0.004 })),
  { fault: { _tag: "Cut" }, at: [12_000] },
  { fault: { _tag: "Restart" }, at: [20_000] },
  { fault: { _tag: "Notice" }, at: [30_000] }
]

/** Where a venue's topics are: all at one address, or the trades at another. */
const placesOf = (
  id: Simulator.VenueId
): ReadonlyArray<readonly [line: Line, channels: ReadonlyArray<Topic.Channel>]> => {
  const line = lines[id]
  const { trades } = line
  if (trades === undefined) return [[line, ["trades", "book", "ticker"]]]
  return [
    [line, ["book", "ticker"]],
    [{ ...line, url: () => trades }, ["trades"]]
  ]
}

/** What such a frame is said to be, where a beginning may say it too. */
const dataOf = (kind: Kind): Topics | undefined => {
  if (kind._tag !== "Data" || kind.gap) return undefined
  return kind.keys.length === 1 ? kind.keys[0] : kind.keys
}

class Checked {
  readonly kinds = new Set<Kind["_tag"]>()
  data = 0
  recognized = 0
  private readonly known: Beginnings
  private readonly next: () => number
  private readonly where: string

  constructor(beginning: NonNullable<Venue["beginning"]>, seed: number) {
    this.known = new Beginnings(beginning)
    this.next = random(seed)
    this.where = `seed ${seed}`
  }

  /** The same venue, whose frames are looked at. */
  readonly of = (venue: Venue): Venue => ({
    ...venue,
    classify: (raw, wire) => {
      const kind = venue.classify(raw, wire)
      this.saw(raw, kind)
      const part = raw.slice(0, Math.floor(this.next() * raw.length))
      this.agrees(part, venue.classify(part, venue.wire()))
      return kind
    }
  })

  private saw(raw: string, kind: Kind): void {
    this.kinds.add(kind._tag)
    if (kind._tag === "Data") this.data++
    if (this.agrees(raw, kind)) this.recognized++
    else if (kind._tag === "Data" && !kind.gap) this.known.learn(raw, dataOf(kind)!)
  }

  /** Whether the frame is recognized, and then as what it is. */
  private agrees(raw: string, kind: Kind): boolean {
    const found = this.known.find(raw)
    if (found === undefined) return false
    assert.deepStrictEqual(found, dataOf(kind), `${this.where}: ${raw.slice(0, 300)}`)
    return true
  }
}

const history = (venue: Venue, beginning: NonNullable<Venue["beginning"]>, seed: number): void => {
  const id = venue.id as Simulator.VenueId
  const checked = new Checked(beginning, seed)
  for (const [line, channels] of placesOf(id)) {
    const simulator = Simulator.make(id, {
      seed,
      faults,
      market: { assets: 3, trades: 2 },
      // A client without patience breaks limits; here it shall only be talked to.
      numbers: { inbound: undefined, dials: undefined, operations: undefined, requests: undefined }
    })
    const topics = simulator.symbols.flatMap((symbol) => channels.map((channel): Topic.Topic => ({ channel, symbol })))
    const reader = new Reader(checked.of(venue), simulator, line.depth)
    reader.open(line, 0)
    reader.subscribe(topics, 100)
    reader.run(5_000)
    // Refused, doubled, given up, and not understood.
    const [first] = topics
    reader.send(venue.subscribe([{ ...first!, symbol: "NOPE" }], 77, venue.wire())[0]!, reader.now)
    reader.send(venue.subscribe([first!], 78, venue.wire())[0]!, reader.now)
    reader.unsubscribe(first!, reader.now)
    reader.send(`{"id":1,"op":"jump","method":"jump","type":"jump"}`, reader.now)
    reader.run(100_000)
  }
  const { data, kinds, recognized } = checked
  assert.isAbove(recognized, 0.9 * data, `seed ${seed}`)
  assert.isAbove(data, 500, `seed ${seed}`)
  assert.includeMembers([...kinds], ["Data", "Answer"], `seed ${seed}`)
  assert.isAbove(kinds.size, 2, `seed ${seed}: ${[...kinds].join(", ")}`)
}

describe("what frames are follows from their beginnings", () => {
  for (const venue of Object.values(Venues.all())) {
    const { beginning } = venue
    if (beginning === undefined) continue
    it(venue.id, () => {
      for (const seed of [21, 22, 23]) history(venue, beginning, seed)
    })
  }
})
