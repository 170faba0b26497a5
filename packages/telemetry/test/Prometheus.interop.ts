/**
 * Proves on the real Prometheus that the figures, the dashboard and the rules
 * fit together: it scrapes a program in a storm on real sockets, every query of
 * the dashboard and every rule then has a series, `promtool` finds nothing to
 * complain about, each alert fires when it must and only then, and no secret is
 * on the page.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { queriesFor } from "../generate/dashboard.ts"
import { alerts, exprOf, recordings } from "../generate/rules.ts"
import { eventually, hasPrometheus, promtool, rulesPath, scraping, temporaryFolder } from "./support/prometheus.ts"
import { cases, ruleTests } from "./support/ruleCases.ts"
import { inStorm } from "./support/storm.ts"

const queries = [
  ...queriesFor("30s"),
  ...recordings.flatMap(({ expr, record }) => [expr, record]),
  ...alerts.map(({ value }) => value)
]

const pageOf = (target: string) =>
  Effect.promise(() => fetch(`http://${target}/metrics`).then((response) => response.text()))

describe.runIf(hasPrometheus)("the real Prometheus", () => {
  it.live(
    "has a series for every query and rule after a storm",
    () =>
      inStorm((target) =>
        Effect.gen(function* () {
          const { query } = yield* scraping(target)
          let missing: ReadonlyArray<string> = queries
          const none = Effect.gen(function* () {
            const answers = yield* Effect.forEach(missing, query)
            missing = missing.filter((_, index) => answers[index]?.length === 0)
            return missing.length === 0
          })
          yield* eventually(none, "60 seconds")
          assert.deepStrictEqual(missing, [])
          // An alert that is quiet has no series, but it must be evaluated.
          yield* Effect.forEach(alerts, (alert) => query(exprOf(alert)))
          const page = yield* pageOf(target)
          assert.notMatch(page, /planted/i)
          assert.match(page, /kharbranth_connections/)
          assert.strictEqual(promtool(["check", "metrics"], page), "")
        })
      ),
    { timeout: 120_000 }
  )

  it("loads the rules", () => {
    assert.include(promtool(["check", "rules", rulesPath]), `${alerts.length + recordings.length} rules found`)
  })

  it.effect("lets each alert fire when it must, and only then", () =>
    Effect.gen(function* () {
      assert.sameMembers(
        cases.map(({ alert }) => alert),
        alerts.map(({ alert }) => alert)
      )
      const file = join(yield* temporaryFolder, "rules.test.yml")
      writeFileSync(file, ruleTests())
      assert.include(promtool(["test", "rules", file]), "SUCCESS")
    })
  )

  it("is held by tests that can fail", () => {
    assert.throws(() => promtool(["check", "metrics"], "no_help_at_all 1\n"), /no help text/)
  })
})
