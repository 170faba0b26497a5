// Proves that the dashboard, the rules and the guide's table say what the table of instruments says: the files are as
// the generator writes them, every instrument is on the dashboard, every alert is explained, and no name is made up.
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { files } from "../generate/main.ts"
import { queriesFor } from "../generate/dashboard.ts"
import { series } from "../generate/queries.ts"
import { alerts, exprOf, recordings } from "../generate/rules.ts"
import { type Instrument, instruments, prometheusName } from "../src/Instruments.ts"

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

const all = Object.values<Instrument>(instruments)
const queries = [...queriesFor("1m"), ...alerts.map(exprOf), ...recordings.map(({ expr }) => expr)]

describe("what is generated", () => {
  for (const [path, text] of files) {
    it(`${path} is up to date: if not, run \`pnpm --filter @kharbranth/telemetry run generate\``, () => {
      assert.strictEqual(read(path), text())
    })
  }

  it("shows every instrument on the dashboard", () => {
    const shown = queriesFor("1m").join("\n")
    const missing = all.filter(({ name }) => !new RegExp(`\\b${prometheusName(name)}(_bucket|_count)?\\b`).test(shown))
    assert.deepStrictEqual(missing, [])
  })

  it("asks for no series that does not exist", () => {
    const parts = all.flatMap(({ kind, name }) =>
      kind === "histogram"
        ? ["_bucket", "_count", "_sum"].map((part) => prometheusName(name) + part)
        : prometheusName(name)
    )
    const known = new Set([...parts, ...recordings.map(({ record }) => record)])
    const labels = new Set(
      [...all.flatMap(({ attributes }) => attributes), "kharbranth.group"].map((name) => name.replaceAll(".", "_"))
    )
    for (const query of queries) {
      for (const [name] of query.matchAll(/\bkharbranth[\w:]*/g)) {
        assert.isTrue(known.has(name) || labels.has(name), `${name} in ${query}`)
      }
    }
  })

  it("has eight alerts, and the guide a row for each of them and for each instrument", () => {
    assert.lengthOf(alerts, 8)
    const page = read("guide/watching-ten-thousand.md")
    const rows = page.split("\n").filter((line) => line.startsWith("|"))
    for (const name of [...all.map(({ name }) => name), ...alerts.map(({ alert }) => alert)]) {
      assert.lengthOf(
        rows.filter((row) => row.split("|")[1]?.includes(`\`${name}\``)),
        1,
        name
      )
    }
    for (const { attributes, kind, name, unit } of all) {
      const row = rows.find((line) => line.split("|")[1]?.includes(`\`${name}\``)) ?? ""
      for (const word of [kind, unit, ...attributes]) assert.include(row, word, name)
    }
  })

  it("names series as OpenTelemetry's rules for Prometheus have it", () => {
    assert.deepStrictEqual(
      [series("connections"), series("dials"), series("io"), series("outboxSize"), series("rtt", "bucket")],
      [
        "kharbranth_connections",
        "kharbranth_dials_total",
        "kharbranth_io_bytes_total",
        "kharbranth_outbox_size_bytes",
        "kharbranth_rtt_seconds_bucket"
      ]
    )
  })
})
