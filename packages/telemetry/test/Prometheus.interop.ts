/**
 * Proves on the real Prometheus that the figures, the dashboard and the rules
 * fit together: it scrapes the running demo, whose faults then show in every
 * query of the dashboard and every rule; what the demo does not suffer, such as
 * tracked messages cut off and a slow reader, it scrapes of a small program. `promtool` finds
 * nothing to complain about, each alert fires when it must and only then, and no
 * secret is on the page.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { queriesFor } from "../generate/dashboard.ts"
import { alerts, exprOf, recordings } from "../generate/rules.ts"
import { running } from "./support/demo.ts"
import { inLosses } from "./support/losses.ts"
import {
  eventually,
  hasPrometheus,
  type Prometheus,
  promtool,
  rulesPath,
  scraping,
  temporaryFolder
} from "./support/prometheus.ts"
import { cases, ruleTests } from "./support/ruleCases.ts"

const queries = [
  ...queriesFor("30s"),
  ...recordings.flatMap(({ expr, record }) => [expr, record]),
  ...alerts.map(({ value }) => value)
]

/** What the demo's faults must have moved, and its topics. */
const troubles = [
  `sum(kharbranth_session_duration_seconds_count{error_type!=""})`,
  `sum(kharbranth_outage_duration_seconds_count)`,
  `sum(kharbranth_dials_total{error_type!=""})`,
  `sum(kharbranth_dials_total{kharbranth_dial_kind="reconnect", error_type=""})`,
  `sum(kharbranth_gaps_total)`,
  `sum(kharbranth_rtt_seconds_count)`,
  `sum(kharbranth_subscriptions{kharbranth_state="confirmed"})`
]

/** What only the small program does. */
const lossesOf = [
  `sum(kharbranth_deliveries_total{kharbranth_outcome="confirmed"})`,
  `sum(kharbranth_deliveries_total{kharbranth_outcome="unknown"})`,
  `sum(kharbranth_messages_dropped_total{kharbranth_where="inbox", kharbranth_reason="overflow"})`,
  `sum(kharbranth_probes_missed_total)`,
  `sum(kharbranth_reader_stalls_total)`
]

const pageOf = (target: string) =>
  Effect.promise(() => fetch(`http://${target}/metrics`).then((response) => response.text()))

/** Asks until each has an answer that will do; those that never had one. */
const unanswered = (prometheus: Prometheus, all: ReadonlyArray<string>, isAnswer: (value: number) => boolean) =>
  Effect.gen(function* () {
    let missing = all
    const none = Effect.gen(function* () {
      const answers = yield* Effect.forEach(missing, prometheus.query)
      missing = missing.filter((_, index) => !answers[index]?.some(({ value }) => isAnswer(Number(value[1]))))
      return missing.length === 0
    })
    yield* eventually(none, "30 seconds")
    return missing
  })

const any = (): boolean => true
const some = (value: number): boolean => value > 0

describe.runIf(hasPrometheus)("the real Prometheus", () => {
  it.live(
    "has a series for every query and rule of the running demo",
    () =>
      Effect.gen(function* () {
        const demo = yield* running
        const prometheus = yield* scraping(demo.target)
        yield* demo.storm
        assert.deepStrictEqual(yield* unanswered(prometheus, queries, any), [])
        assert.deepStrictEqual(yield* unanswered(prometheus, troubles, some), [])
        // An alert that is quiet has no series, but it must be evaluated.
        yield* Effect.forEach(alerts, (alert) => prometheus.query(exprOf(alert)))
        const page = yield* pageOf(demo.target)
        assert.match(page, /kharbranth_connections\{kharbranth_group="kraken"/)
        assert.strictEqual(promtool(["check", "metrics"], page), "")
        const { code, printed } = yield* demo.finish
        assert.strictEqual(code, 0, printed)
        assert.match(printed, /left running: nothing\n\n {2}PASSED/)
      }).pipe(Effect.scoped),
    { timeout: 180_000 }
  )

  it.live(
    "has what is lost, and no secret",
    () =>
      inLosses((target) =>
        Effect.gen(function* () {
          const prometheus = yield* scraping(target)
          assert.deepStrictEqual(yield* unanswered(prometheus, lossesOf, some), [])
          const page = yield* pageOf(target)
          assert.match(page, /kharbranth_connections/)
          assert.notMatch(page, /planted/i)
          assert.strictEqual(promtool(["check", "metrics"], page), "")
        })
      ),
    { timeout: 90_000 }
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
