/** The dashboard for Grafana: rows of panels, each a few queries, as the JSON that it imports. */
import { increase, quantile, rate, series, sumBy } from "./queries.ts"

interface Query {
  readonly expr: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly description: string
  readonly unit: string
  readonly queries: ReadonlyArray<Query>
}

interface Row {
  readonly title: string
  readonly panels: ReadonlyArray<Panel>
}

/** The series that the variables select, and some of their own labels. */
const chosen = (...labels: ReadonlyArray<string>): string =>
  `{${[`kharbranth_group=~"$group"`, `server_address=~"$server"`, ...labels].join(", ")}}`

const range = "$__rate_interval"

const query = (expr: string, legend: string): Query => ({ expr, legend })

const perSecond = (of: string): string => rate(of + chosen(), range)

const quantiles = (name: "rtt" | "sessionDuration" | "outageDuration"): ReadonlyArray<Query> =>
  [0.5, 0.99].map((q) => query(quantile(q, name, "", chosen(), range), `p${q * 100}`))

const fleet: Row = {
  title: "Fleet",
  panels: [
    {
      title: "Connected",
      description: "The share of all connections that messages can flow through.",
      unit: "percentunit",
      queries: [
        query(
          `sum(${series("connections")}${chosen(`kharbranth_state="connected"`)}) / sum(${series("connections")}${chosen()})`,
          "connected"
        )
      ]
    },
    {
      title: "By state",
      description: "Connections by their state.",
      unit: "short",
      queries: [query(sumBy("kharbranth_state", series("connections") + chosen()), "{{kharbranth_state}}")]
    },
    {
      title: "Not connected, by group",
      description: "Where to look first. Paused connections count too.",
      unit: "short",
      queries: [
        query(
          sumBy("kharbranth_group", series("connections") + chosen(`kharbranth_state!="connected"`)),
          "{{kharbranth_group}}"
        )
      ]
    },
    {
      title: "Topics",
      description: "Subscriptions that you watch, by state.",
      unit: "short",
      queries: [
        query(
          sumBy("kharbranth_state", `${series("subscriptions")}{kharbranth_group=~"$group"}`),
          "{{kharbranth_state}}"
        )
      ]
    }
  ]
}

const trouble: Row = {
  title: "Trouble",
  panels: [
    {
      title: "Sessions ended, by error",
      description: "Sessions that were Ready. Those that you ended yourself have no error.",
      unit: "short",
      queries: [
        query(sumBy("error_type", increase(series("sessionDuration", "count") + chosen(), range)), "{{error_type}}")
      ]
    },
    {
      title: "Gaps, by cause",
      description: "What readers were shown: messages may be missing there.",
      unit: "short",
      queries: [query(sumBy("error_type", increase(series("gaps") + chosen(), range)), "{{error_type}}")]
    },
    {
      title: "Outages",
      description: "From the loss of a session until the next one was Ready.",
      unit: "s",
      queries: quantiles("outageDuration")
    },
    {
      title: "Dropped",
      description: "Messages that a bound or a policy gave up, by place and reason.",
      unit: "short",
      queries: [
        query(
          sumBy("kharbranth_where, kharbranth_reason", increase(series("dropped") + chosen(), range)),
          "{{kharbranth_where}}: {{kharbranth_reason}}"
        )
      ]
    },
    {
      title: "Tracked messages",
      description: "Their outcomes. Unknown: the socket died before anything confirmed them.",
      unit: "short",
      queries: [
        query(sumBy("kharbranth_outcome", increase(series("deliveries") + chosen(), range)), "{{kharbranth_outcome}}")
      ]
    },
    {
      title: "Missed probes, stalled readers",
      description: "A missed probe points at the network or the server, a stall at your reader.",
      unit: "short",
      queries: [
        query(`sum(${increase(series("probesMissed") + chosen(), range)})`, "missed probes"),
        query(`sum(${increase(series("readerStalls") + chosen(), range)})`, "stalls")
      ]
    }
  ]
}

const dialing: Row = {
  title: "Dialing",
  panels: [
    {
      title: "Dials, by kind",
      description: "First dials, reconnects, rotations and hedges, failed ones included.",
      unit: "ops",
      queries: [query(sumBy("kharbranth_dial_kind", perSecond(series("dials"))), "{{kharbranth_dial_kind}}")]
    },
    {
      title: "Failed dials, by error",
      description: "Why dials did not become Ready.",
      unit: "ops",
      queries: [query(sumBy("error_type", rate(series("dials") + chosen(`error_type!=""`), range)), "{{error_type}}")]
    },
    {
      title: "How long dials take",
      description: "The 95th percentile of each phase; ready is the whole.",
      unit: "s",
      queries: [query(quantile(0.95, "dialDuration", "kharbranth_phase", chosen(), range), "{{kharbranth_phase}}")]
    },
    {
      title: "Where dials spend their time",
      description:
        "Seconds of dialing a second, by phase: waiting for a permit, DNS, TCP, TLS, the upgrade, your onOpen.",
      unit: "s",
      queries: [query(sumBy("kharbranth_phase", perSecond(series("dialTime"))), "{{kharbranth_phase}}")]
    },
    {
      title: "Dials that wait for the budget",
      description: "By key: the server, or a key that you gave.",
      unit: "short",
      queries: [query(sumBy("kharbranth_key", series("budgetWaiting")), "{{kharbranth_key}}")]
    },
    {
      title: "Open breakers",
      description: "1: no dial to this key passes but probes.",
      unit: "short",
      queries: [query(`max by (kharbranth_key) (${series("budgetBreaker")})`, "{{kharbranth_key}}")]
    }
  ]
}

const flow: Row = {
  title: "Flow",
  panels: [
    {
      title: "Messages",
      description: "Messages a second, by direction.",
      unit: "ops",
      queries: [query(sumBy("network_io_direction", perSecond(series("messages"))), "{{network_io_direction}}")]
    },
    {
      title: "Bytes",
      description: "Payload bytes a second, by direction.",
      unit: "Bps",
      queries: [query(sumBy("network_io_direction", perSecond(series("io"))), "{{network_io_direction}}")]
    },
    {
      title: "Waiting messages",
      description: "A growing outbox: the server is slow. A growing inbox: your reader is.",
      unit: "short",
      queries: [
        query(`sum(${series("outboxMessages")}${chosen()})`, "outbox"),
        query(`sum(${series("inboxMessages")}${chosen()})`, "inbox")
      ]
    },
    {
      title: "Waiting bytes",
      description: "The same in bytes.",
      unit: "bytes",
      queries: [
        query(`sum(${series("outboxSize")}${chosen()})`, "outbox"),
        query(`sum(${series("inboxSize")}${chosen()})`, "inbox")
      ]
    },
    {
      title: "Oldest message in an outbox",
      description: "How long it has waited to be written.",
      unit: "s",
      queries: [query(`max by (kharbranth_group) (${series("outboxAge")}${chosen()})`, "{{kharbranth_group}}")]
    },
    {
      title: "Longest silence",
      description: "The longest time since a connected connection received a message.",
      unit: "s",
      queries: [query(`max by (kharbranth_group) (${series("silence")}${chosen()})`, "{{kharbranth_group}}")]
    }
  ]
}

const latency: Row = {
  title: "Latency",
  panels: [
    {
      title: "Round trips",
      description: "Of heartbeat probes.",
      unit: "s",
      queries: quantiles("rtt")
    },
    {
      title: "How long sessions live",
      description: "A steady value points at a limit of the server or of a proxy.",
      unit: "s",
      queries: quantiles("sessionDuration")
    }
  ]
}

export const rows: ReadonlyArray<Row> = [fleet, trouble, dialing, flow, latency]

/** Every query, as Grafana would send it for all groups and servers. */
export const queriesFor = (rateInterval: string): ReadonlyArray<string> =>
  rows.flatMap(({ panels }) =>
    panels.flatMap(({ queries }) =>
      queries.map(({ expr }) =>
        expr.replaceAll("$group", ".*").replaceAll("$server", ".*").replaceAll(range, rateInterval)
      )
    )
  )

const datasource = { type: "prometheus", uid: "${datasource}" }
const columns = 24
const [width, height] = [8, 8]

const targetOf = ({ expr, legend }: Query, index: number) => ({
  refId: String.fromCodePoint(65 + index),
  datasource,
  expr,
  legendFormat: legend
})

const panelOf = ({ description, queries, title, unit }: Panel, id: number, x: number, y: number) => ({
  id,
  type: "timeseries",
  title,
  description,
  datasource,
  gridPos: { x, y, w: width, h: height },
  fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
  options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
  targets: queries.map(targetOf)
})

/** Rows of panels from left to right, from top to bottom. */
const laidOut = (): ReadonlyArray<unknown> => {
  const panels: Array<unknown> = []
  let y = 0
  for (const row of rows) {
    panels.push({
      id: panels.length + 1,
      type: "row",
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: columns, h: 1 },
      panels: []
    })
    y += 1
    const across = columns / width
    for (const [index, panel] of row.panels.entries()) {
      panels.push(panelOf(panel, panels.length + 1, (index % across) * width, y + Math.floor(index / across) * height))
    }
    y += Math.ceil(row.panels.length / across) * height
  }
  return panels
}

const variable = (name: string, label: string, from: string) => ({
  name,
  label,
  type: "query",
  datasource,
  query: { query: `label_values(${from})`, refId: name },
  definition: `label_values(${from})`,
  refresh: 2,
  sort: 1,
  multi: true,
  includeAll: true,
  allValue: ".*",
  current: { text: "All", value: "$__all" }
})

const dashboard = () => ({
  uid: "kharbranth",
  title: "Kharbranth",
  description: "WebSocket connections by groups.",
  tags: ["kharbranth", "websocket"],
  schemaVersion: 39,
  editable: true,
  graphTooltip: 1,
  refresh: "15s",
  time: { from: "now-1h", to: "now" },
  templating: {
    list: [
      { name: "datasource", label: "Data source", type: "datasource", query: "prometheus", current: {} },
      variable("group", "Group", `${series("connections")}, kharbranth_group`),
      variable("server", "Server", `${series("connections")}{kharbranth_group=~"$group"}, server_address`)
    ]
  },
  panels: laidOut()
})

export const dashboardFile = (): string => `${JSON.stringify(dashboard(), null, 2)}\n`
