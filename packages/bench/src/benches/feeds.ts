/**
 * What the frames of recorded sessions cost, in CPU time and without a socket:
 * sorted by topic, decoded, and validated, against `JSON.parse` of each.
 */
import type { Bench } from "../harness/bench.ts"
import { type Contender, type Figure, interleaved } from "../harness/figures.ts"
import { runSubject } from "../harness/process.ts"
import { folder, present } from "../subjects/captures.ts"
import type { Params, Result } from "../subjects/feeds.ts"

const venues = ["binance-spot", "binance-usdm", "bybit", "okx", "kucoin", "coinbase"]

export const feeds: Bench = {
  name: "feeds",
  title: "Frames of recorded exchange sessions, against JSON.parse of each",
  run: async ({ quick, rounds }) => {
    if (!present) {
      process.stderr.write(`feeds: NOTHING is measured, since ${folder} has no recordings (KHARBRANTH_CAPTURES)\n`)
      return []
    }
    const times = quick ? { warmMillis: 200, millis: 200 } : { warmMillis: 800, millis: 1_500 }
    const contender = (subject: string, only?: string): Contender => ({
      label: only === undefined ? subject : `${subject}, ${only}`,
      run: () => runSubject<Result>("feeds", subject, { ...times, only } satisfies Params)
    })
    const against = (
      baseline: string,
      subjects: ReadonlyArray<string>,
      only?: string
    ): Promise<ReadonlyArray<Figure>> =>
      interleaved(
        "feeds",
        rounds,
        contender(baseline, only),
        subjects.map((subject) => contender(subject, only)),
        "/s"
      )
    const figures = [
      ...(await against("JSON.parse, all frames", ["one topic in ten read"])),
      ...(await against("JSON.parse", ["all read", "all read, validated by a Schema"]))
    ]
    for (const venue of venues) figures.push(...(await against("JSON.parse", ["all read"], venue)))
    return figures
  }
}
