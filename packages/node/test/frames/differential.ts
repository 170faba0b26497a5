/** Random streams, read by our reader and by the receiver of `ws`: both must report the same. `SEED` and `RUNS` as elsewhere. */
import { assert, describe, it } from "@effect/vitest"
import { byReader, byWs, type Outcome } from "./outcome.ts"
import { streamOf } from "./streams.ts"

const maxFragments = 16_384
/** So many streams share one wait for the errors of `ws`. */
const share = 250

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const kindOf = (report: string): string =>
  report
    .split(" ", 2)
    .slice(0, report.startsWith("violated") ? 2 : 1)
    .join(" ")

/** What the streams must have come across, or they prove little. */
const expected = [
  "text",
  "binary",
  "ping",
  "pong",
  "closed",
  "violated WS_ERR_EXPECTED_FIN",
  "violated WS_ERR_INVALID_CLOSE_CODE",
  "violated WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
  "violated WS_ERR_INVALID_OPCODE",
  "violated WS_ERR_INVALID_UTF8",
  "violated WS_ERR_UNEXPECTED_MASK",
  "violated WS_ERR_UNEXPECTED_RSV_1",
  "violated WS_ERR_UNEXPECTED_RSV_2_3",
  "violated WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
  "violated WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
]

export const differential = (many: number): void => {
  const runs = Number(process.env["RUNS"] ?? many)
  const first = Number(process.env["SEED"] ?? 1)
  describe("differential", () => {
    it(`${runs} random streams are read as ws reads them`, async () => {
      const seen = new Set<string>()
      for (let from = first; from < first + runs; from += share) {
        const pairs: Array<readonly [seed: number, own: Outcome, its: Outcome]> = []
        for (let seed = from; seed < Math.min(from + share, first + runs); seed++) {
          const { maxMessageSize, pieces } = streamOf(seed)
          // Text as bytes is the same text.
          const limits = { maxMessageSize, maxFragments, lazyText: seed % 4 === 0 }
          pairs.push([seed, byReader(pieces, limits), byWs(pieces, limits)])
        }
        await turn()
        for (const [seed, own, its] of pairs) {
          assert.deepStrictEqual(own, its, `SEED=${seed} RUNS=1`)
          for (const report of its) seen.add(kindOf(report))
        }
      }
      if (runs >= 1_000) assert.includeMembers([...seen], expected)
    }, 600_000)
  })
}
