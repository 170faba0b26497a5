/**
 * What there is to see: a live table on a terminal, plain lines elsewhere. It
 * draws plain data and knows nothing of connections.
 */
import { bold, canvas, cyan, green, grey, log, progress, red, seconds, sparkline, yellow } from "../terminal.ts"
import { percentile, type Verdict } from "./ledger.ts"

export interface Row {
  readonly name: string
  readonly state: string
  readonly gate: string
  /** Messages in the last second. */
  readonly rate: number
  /** Milliseconds. */
  readonly rtt: number | undefined
  readonly outbox: number
  readonly gaps: number
  readonly reconnects: number
  readonly why: string
  /** Whether it has been in trouble lately. */
  readonly hot: boolean
}

export interface Frame {
  readonly elapsed: number
  readonly duration: number
  readonly rows: ReadonlyArray<Row>
  readonly rates: ReadonlyArray<number>
  readonly news: ReadonlyArray<string>
  readonly verdict: Pick<Verdict, "messages" | "gaps" | "undetected" | "silent">
}

export interface Screen {
  readonly draw: (frame: Frame) => void
  readonly say: (seconds: number, what: string) => void
  readonly close: () => void
}

const colours: Record<string, (text: string) => string> = {
  Connected: green,
  Connecting: yellow,
  Reconnecting: yellow,
  Failed: red
}

const cells = (row: Row): string => {
  const state = (colours[row.state] ?? grey)(row.state.padEnd(13))
  const rtt = row.rtt === undefined ? "" : row.rtt.toFixed(row.rtt < 10 ? 1 : 0)
  const gaps = row.gaps === 0 ? grey("0".padStart(5)) : yellow(String(row.gaps).padStart(5))
  const outbox = row.outbox === 0 ? grey("0".padStart(7)) : yellow(String(row.outbox).padStart(7))
  const reconnects = row.reconnects === 0 ? grey("0".padStart(8)) : String(row.reconnects).padStart(8)
  const name = row.hot ? bold(row.name.padEnd(14)) : row.name.padEnd(14)
  return [
    ` ${name}${state}${row.gate.padEnd(8)}`,
    `${String(row.rate).padStart(6)}${rtt.padStart(8)}${outbox}${gaps}${reconnects}  ${grey(row.why)}`
  ].join("")
}

const head =
  ` ${"name".padEnd(14)}${"state".padEnd(13)}${"gate".padEnd(8)}${"msg/s".padStart(6)}${"rtt ms".padStart(8)}` +
  `${"outbox".padStart(7)}${"gaps".padStart(5)}${"reconn".padStart(8)}  why`

// The feeds that are or were in trouble come first when not all of them fit.
const fitting = (rows: ReadonlyArray<Row>, room: number): ReadonlyArray<Row> => {
  if (rows.length <= room) return rows
  const rank = (row: Row) => (row.state === "Connected" ? 0 : 2) + (row.hot ? 1 : 0)
  const chosen = new Set(rows.toSorted((a, b) => rank(b) - rank(a)).slice(0, room))
  return rows.filter((row) => chosen.has(row))
}

const rendered = (frame: Frame, lines: number): ReadonlyArray<string> => {
  const news = frame.news.slice(-6)
  const shown = fitting(frame.rows, Math.max(5, lines - news.length - 9))
  const up = frame.rows.filter(({ state }) => state === "Connected").length
  const hidden = frame.rows.length - shown.length
  const { gaps, messages, silent, undetected } = frame.verdict
  const count = (n: number) => (n === 0 ? green("0") : red(String(n)))
  return [
    `${bold(" kharbranth")}  fifty feeds in a storm${progress(frame.elapsed, frame.duration)}`,
    ` ${up === frame.rows.length ? green(`${up} connected`) : yellow(`${up} of ${frame.rows.length} connected`)}` +
      `   ${messages.toLocaleString("en")} messages   ${gaps} marked gaps   ` +
      `undetected ${count(undetected)}   silently lost ${count(silent)}`,
    ` ${cyan(sparkline(frame.rates))} ${frame.rates.at(-1) ?? 0} msg/s`,
    "",
    grey(head),
    ...shown.map(cells),
    grey(hidden > 0 ? ` … and ${hidden} more, all well` : ""),
    ...news.map((line) => ` ${line}`)
  ]
}

const onTerminal = (out: NodeJS.WriteStream): Screen => {
  const { close, draw } = canvas(out)
  return { draw: (frame) => draw(rendered(frame, out.rows ?? 40)), say: () => {}, close }
}

const plain = (out: NodeJS.WriteStream): Screen => {
  let summary = 0
  const line = (at: number, what: string) => log(out, at * 1000, what)
  return {
    draw: ({ elapsed, rates, rows, verdict }) => {
      if (elapsed < summary) return
      summary = elapsed + 2500
      const up = rows.filter(({ state }) => state === "Connected").length
      line(
        elapsed / 1000,
        `${up}/${rows.length} connected, ${rates.at(-1) ?? 0} msg/s, ${verdict.messages} messages, ` +
          `${verdict.gaps} marked gaps, ${verdict.undetected} undetected`
      )
    },
    say: line,
    close: () => {}
  }
}

export const make = (out: NodeJS.WriteStream): Screen => (out.isTTY ? onTerminal(out) : plain(out))

/** The last word. */
export const verdictText = (verdict: Verdict, left: string): string => {
  const { orders } = verdict
  const must = (n: number) => `${n}${n === 0 ? "" : "   <- must be 0"}`
  return [
    "",
    `  messages received    ${verdict.messages.toLocaleString("en")}`,
    `  missing and marked   ${verdict.marked} behind ${verdict.gaps} marked gaps`,
    `  undetected gaps      ${must(verdict.undetected)}`,
    `  silent losses        ${must(verdict.silent)}`,
    `  delivered twice      ${verdict.repeated}`,
    `  orders               ${orders.Confirmed} confirmed, ${orders.Unknown} unknown, ${
      orders.Expired + orders.Dropped + orders.Failed
    } not sent`,
    `  orders lost          ${must(verdict.lostOrders)}`,
    `  recoveries           ${verdict.recoveries.length}: p50 ${seconds(percentile(verdict.recoveries, 0.5))}, p99 ${seconds(
      percentile(verdict.recoveries, 0.99)
    )}`,
    `  left running         ${left}`,
    "",
    verdict.passed && left === "nothing" ? "  PASSED" : "  FAILED",
    ""
  ].join("\n")
}
