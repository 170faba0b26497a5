/**
 * What a fleet of one process costs beside a manager: its own manager, which programs
 * use that know no fleet, should cost nothing; names of `Fleet` cost what wishes and
 * consumers do.
 */
import type { Bench, Context } from "../harness/bench.ts"
import { type Figure, figure, median } from "../harness/figures.ts"
import { runSubject } from "../harness/process.ts"
import type { Heap, Params, Ratios, Subject } from "../subjects/alone.ts"

const subjects: ReadonlyArray<readonly [Subject, title: string]> = [
  ["layerLocal", "layerLocal's manager"],
  ["Fleet", "layerLocal's Fleet"]
]

const parts: ReadonlyArray<readonly [keyof Ratios, title: string]> = [
  ["messages", "messages in, by manager.messages"],
  ["entries", "messages in, by a reader"],
  ["names", "1,000 names opened and closed"]
]

/** A process each round, so that no one layout of memory decides. */
const ratios = async (subject: Subject, params: Params): Promise<Readonly<Record<keyof Ratios, number>>> => {
  const { entries, messages, names } = await runSubject<Ratios>("alone", `ratios, ${subject}`, params)
  return { entries: median(entries), messages: median(messages), names: median(names) }
}

const heap = async (subject: Subject, params: Params): Promise<number> =>
  (await runSubject<Heap>("alone", `heap, ${subject}`, params)).kibPerName

const measure = async ({ quick, rounds }: Context): Promise<ReadonlyArray<Figure>> => {
  const params: Params = { names: 1_000, pairs: quick ? 20 : 200, messages: 16_384 }
  const samples = new Map<string, Array<number>>()
  const note = (label: string, value: number) => samples.set(label, [...(samples.get(label) ?? []), value])
  for (let round = 0; round < rounds; round++) {
    const bare = await heap("manager", params)
    for (const [subject, title] of subjects) {
      const found = await ratios(subject, params)
      for (const [part, what] of parts) {
        // Programs that use the fleet read what its manager reads.
        if (part !== "messages" || subject === "layerLocal") note(`${title}, ${what}`, found[part])
      }
      note(`${title}, heap of a read name beyond a manager's`, (await heap(subject, params)) - bare)
    }
    process.stderr.write(`alone: ${JSON.stringify([...samples].map(([label, all]) => [label, all.at(-1)]))}\n`)
  }
  return [...samples].map(([label, all]) => figure("alone", label, all, label.includes("heap") ? "KiB" : "×"))
}

export const alone: Bench = {
  name: "alone",
  title: "A fleet of one process, against a manager, by CPU",
  run: measure
}
