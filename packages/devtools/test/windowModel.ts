/**
 * A viewer's window, its totals and its cells beside a model that sorts and filters
 * everybody each time, over random histories of changes. `SEED=n` starts with that
 * seed, `RUNS=n` says how many run.
 */
import { assert, describe, it } from "@effect/vitest"
import type { Figures } from "kharbranth/ConnectionMetrics"
import type { ConnectionState } from "kharbranth/ConnectionState"
import { firstSeed, runsOf } from "../../kharbranth/test/support/histories.ts"
import { randomOf } from "../../kharbranth/test/support/random.ts"
import { Fleet } from "../src/internal/fleet/fleet.ts"
import { type Member, stateOf } from "../src/internal/fleet/member.ts"
import type { Sampling } from "../src/internal/fleet/sampling.ts"
import { Window } from "../src/internal/fleet/window.ts"
import { type Column, columns, states, type View } from "../src/internal/wire/wire.ts"
import { zero } from "./support/figures.ts"
import { Scripted, stateBy } from "./support/scripted.ts"

// --- the model: the plain definition of each column, over everybody ---------------

const isTroubled = (state: ConnectionState): boolean => ["Reconnecting", "Failed", "Connecting"].includes(state._tag)

const keyOf = (member: Member, column: Column): string | number | undefined => {
  switch (column) {
    case "name":
      return member.observed.name
    case "state":
      return states.indexOf(member.observed.state._tag)
    case "blame":
      return isTroubled(member.observed.state) || member.reason?.blame === "your reader"
        ? member.reason?.blame
        : undefined
    case "epoch":
      return member.epoch
    case "age":
      return -member.since
    case "inRate":
      return member.inRate
    case "outRate":
      return member.outRate
    case "rtt":
      return member.rtts?.at(-1)
    case "inbox":
      return member.inbox.bytes
    case "outbox":
      return member.outbox.messages
    case "gaps":
      return member.gaps
    case "next":
      return member.observed.state._tag === "Reconnecting" ? member.observed.state.nextRetryAt : undefined
  }
}

const expected = (sampling: Sampling, view: View): ReadonlyArray<number> => {
  const accepted = [...sampling.members.values()].filter((member) => {
    const isState = view.states.length === 0 || view.states.includes(member.observed.state._tag)
    const texts = [member.observed.name, ...member.observed.tags].map((text) => text.toLowerCase())
    return isState && texts.some((text) => text.includes(view.text.toLowerCase()))
  })
  const known = accepted.filter((member) => keyOf(member, view.sort) !== undefined)
  const unknown = accepted.filter((member) => keyOf(member, view.sort) === undefined)
  const sorted = known.toSorted((a, b) => {
    const [x = 0, y = 0] = [keyOf(a, view.sort), keyOf(b, view.sort)]
    const order = x < y ? -1 : x > y ? 1 : 0
    return (view.descending ? -order : order) || a.id - b.id
  })
  return [...sorted, ...unknown.toSorted((a, b) => a.id - b.id)].map(({ id }) => id)
}

const sumsOf = ({ members }: Sampling) => {
  const blame: Record<string, number> = {}
  let [inRate, outRate] = [0, 0]
  for (const member of members.values()) {
    inRate += member.inRate
    outRate += member.outRate
    if (member.blame !== undefined) blame[member.blame] = (blame[member.blame] ?? 0) + 1
  }
  return { blame, inRate, outRate }
}

const campaign = (seed: number): void => {
  const random = randomOf(seed)
  const whole = (most: number): number => Math.floor(random() * most)
  let now = 1_000
  const found = (): { blame: string | undefined; because: string; rtt: number | undefined; changedAt: undefined } => ({
    blame: ["network", "server", "your reader", undefined][whole(4)],
    because: "",
    rtt: random() < 0.5 ? whole(50) : undefined,
    changedAt: undefined
  })
  const fleet = new Fleet({ now: () => now, explain: found })
  const living: Array<Scripted> = []
  const figuresOf = (): Figures => ({
    ...zero,
    epoch: whole(5),
    messagesIn: whole(100),
    messagesOut: whole(100),
    inbox: { messages: whole(3), bytes: whole(1_000) },
    outbox: { messages: whole(5), bytes: 0, oldestAge: undefined },
    gaps: random() < 0.3 ? { ConnectionDropped: whole(4) } : {}
  })
  const enter = (): void => {
    const tags = random() < 0.5 ? [["Prices", "books", "Orders"][whole(3)] ?? ""] : []
    const one = new Scripted(`Feed ${whole(40)}`, tags, stateBy(whole(6), whole(9)), figuresOf())
    one.ended = fleet.observe(one).ended
    living.push(one)
  }
  for (let n = 0; n < 60; n++) enter()
  const sampling = fleet.begin()
  const viewOf = (): View => ({
    sort: columns[whole(columns.length)] ?? "name",
    descending: random() < 0.5,
    text: ["", "feed 1", "PRICES", "nobody", "book"][whole(5)] ?? "",
    states: random() < 0.5 ? [] : states.filter(() => random() < 0.5),
    from: whole(20),
    to: 20 + whole(20)
  })
  let view = viewOf()
  const window = new Window(view)
  window.refresh(sampling.members)
  for (let step = 0; step < 60; step++) {
    now += whole(500)
    const action = random()
    if (action < 0.05) {
      for (const one of living) if (random() < 0.8) one.becomes(stateBy(whole(6), whole(9)))
    } else if (action < 0.2) enter()
    else if (action < 0.3) living.splice(whole(living.length), 1)[0]?.ended()
    else if (action < 0.7) living[whole(living.length)]?.becomes(stateBy(whole(6), whole(9)))
    else if (action < 0.8) {
      view = viewOf()
      window.show(view)
      window.refresh(sampling.members)
    }
    now += whole(500)
    if (random() < 0.3) {
      for (const one of living) if (random() < 0.5) one.figures = figuresOf()
      for (const one of living) if (random() < 0.2) one.answers(whole(50))
      if (random() < 0.5) sampling.measure()
      else sampling.measureSome(window.shown)
      window.change(sampling.settle())
      sampling.explainAll(window.shown)
      window.change(sampling.settle())
    } else {
      const batch = sampling.batch()
      const before = window.shown
      const differs = window.change(batch)
      const isSame = before.length === window.shown.length && before.every((one, n) => one === window.shown[n])
      if (!isSame) assert.isTrue(differs, `seed ${seed}, step ${step}: a change that is not told`)
    }
    const order = expected(sampling, view)
    const shown = window.shown.map(({ id }) => id)
    assert.deepStrictEqual(shown, order.slice(view.from, view.to), `seed ${seed}, step ${step}: ${view.sort}`)
    assert.strictEqual(window.total, order.length, `seed ${seed}, step ${step}`)
    const totals = sampling.totals()
    for (const state of states) {
      const count = living.filter((one) => one.state._tag === state).length
      assert.strictEqual(totals.states[state], count, `seed ${seed}, step ${step}: ${state}`)
    }
    const sums = sumsOf(sampling)
    assert.deepStrictEqual(totals.blame, sums.blame, `seed ${seed}, step ${step}`)
    assert.closeTo(totals.inRate, sums.inRate, 0.1, `seed ${seed}, step ${step}`)
    assert.closeTo(totals.outRate, sums.outRate, 0.1, `seed ${seed}, step ${step}`)
    const cells = sampling.cells(undefined)
    assert.deepInclude(cells, {
      ids: [...sampling.members.keys()],
      cells: [...sampling.members.values()].map((one) => states.indexOf(stateOf(one))).join("")
    })
  }
  fleet.end()
}

/** Registers so many random histories. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("the window, at random", () => {
    it(`shows what a model shows, in ${runs} random histories`, () => {
      for (let seed = firstSeed; seed < firstSeed + runs; seed++) campaign(seed)
    })
  })
