/** What must make each alert fire, and what must not, in the series of `promtool test rules`. */
import type { alerts } from "../../generate/rules.ts"
import { rulesPath } from "./prometheus.ts"

export interface Case {
  readonly alert: (typeof alerts)[number]["alert"]
  /** Series and their values, a minute apart. */
  readonly fires: Readonly<Record<string, string>>
  readonly quiet: Readonly<Record<string, string>>
}

const labels = `job="desk",kharbranth_group="prices"`
const connections = (state: string): string => `kharbranth_connections{${labels},kharbranth_state="${state}"}`
const sessions = `kharbranth_session_duration_seconds_bucket{${labels},error_type="ConnectionDropped",le="60"}`
const dials = `kharbranth_dials_total{${labels},kharbranth_dial_kind="reconnect"}`
const breaker = `kharbranth_budget_breaker{job="desk",kharbranth_key="wss://a.example"}`
const silence = `kharbranth_silence_seconds{${labels}}`
const age = `kharbranth_outbox_age_seconds{${labels}}`
const dropped = (reason: string): string =>
  `kharbranth_messages_dropped_total{${labels},kharbranth_where="inbox",kharbranth_reason="${reason}"}`
const deliveries = (outcome: string): string => `kharbranth_deliveries_total{${labels},kharbranth_outcome="${outcome}"}`

export const cases: ReadonlyArray<Case> = [
  {
    alert: "KharbranthNotConnected",
    fires: { [connections("connected")]: "97x30", [connections("reconnecting")]: "3x30" },
    quiet: { [connections("connected")]: "100x30", [connections("disconnected")]: "50x30" }
  },
  {
    alert: "KharbranthFlapping",
    fires: { [connections("connected")]: "10x30", [sessions]: "0+1x30" },
    // Many in number, and yet few of so many connections.
    quiet: { [connections("connected")]: "10000x30", [sessions]: "0+10x30" }
  },
  {
    alert: "KharbranthDialStorm",
    fires: { [dials]: "0+900x30" },
    quiet: { [dials]: "0+300x30" }
  },
  {
    alert: "KharbranthBreakerOpen",
    fires: { [breaker]: "1x30" },
    quiet: { [breaker]: "1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1 0 1 1 1" }
  },
  { alert: "KharbranthSilent", fires: { [silence]: "301x30" }, quiet: { [silence]: "299x30" } },
  {
    alert: "KharbranthDropping",
    fires: { [dropped("overflow")]: "0+1x30" },
    // What a newer message with the same key replaces is dropped by design.
    quiet: { [dropped("superseded")]: "0+100x30", [dropped("overflow")]: "7x30" }
  },
  { alert: "KharbranthOutboxAging", fires: { [age]: "16x30" }, quiet: { [age]: "14x30" } },
  {
    alert: "KharbranthUnknownDeliveries",
    fires: { [deliveries("unknown")]: "0+1x30" },
    quiet: { [deliveries("confirmed")]: "0+100x30", [deliveries("unknown")]: "3x30" }
  }
]

/** `1x30` is no series of promtool: it wants a step. */
const stepped = (values: string): string => values.replace(/^(\d+)x/, "$1+0x")

const testOf = (alert: string, given: Readonly<Record<string, string>>, firing: boolean) => ({
  interval: "1m",
  input_series: Object.entries(given).map(([series, values]) => ({ series, values: stepped(values) })),
  promql_expr_test: [
    {
      expr: `count(ALERTS{alertname="${alert}", alertstate="firing"})`,
      eval_time: "25m",
      exp_samples: firing ? [{ labels: "{}", value: 1 }] : []
    }
  ]
})

/** The file for `promtool test rules`. */
export const ruleTests = (): string =>
  JSON.stringify({
    rule_files: [rulesPath],
    evaluation_interval: "1m",
    tests: cases.flatMap(({ alert, fires, quiet }) => [testOf(alert, fires, true), testOf(alert, quiet, false)])
  })
