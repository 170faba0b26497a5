/**
 * What there is to see: a live table on a terminal, plain lines elsewhere. It
 * draws plain data and knows nothing of connections.
 */
import { bold, canvas, cyan, green, grey, log, progress, recorder, sparkline, yellow } from "../terminal.ts"

export interface Row {
  readonly venue: string
  readonly line: string
  readonly ready: number
  readonly connections: number
  /** Messages in the last second. */
  readonly rate: number
  /** In milliseconds, as is the lag: from the venue's clock to the reader. */
  readonly rtt: number | undefined
  readonly lag: number | undefined
  readonly synced: number
  readonly books: number
  readonly gaps: number
  readonly reconnects: number
  /** How much of the venue's HTTP limit is used. */
  readonly budget: string
  /** Why it last had to start over. */
  readonly why: string
}

export interface Best {
  readonly asset: string
  readonly bid: string
  readonly ask: string
}

/** A page that the demo serves, and where. */
export interface Served {
  readonly name: "dashboard" | "metrics"
  readonly url: string
}

export interface Frame {
  readonly elapsed: number
  readonly duration: number
  readonly served: ReadonlyArray<Served>
  readonly rows: ReadonlyArray<Row>
  readonly best: ReadonlyArray<Best>
  readonly rates: ReadonlyArray<number>
  readonly news: ReadonlyArray<string>
  readonly messages: number
}

export interface Table {
  readonly draw: (frame: Frame) => void
  readonly say: (elapsed: number, what: string) => void
  readonly close: () => void
  /** Takes the last word, where it is not enough to print it. */
  readonly end?: (lastWord: string) => void
}

const millis = (value: number | undefined): string =>
  value === undefined ? "" : value < 10 ? value.toFixed(1) : value.toFixed(0)

/** The names of the columns. */
export const head =
  ` ${"venue".padEnd(14)}${"line".padEnd(9)}${"ready".padStart(7)}${"msg/s".padStart(8)}${"rtt ms".padStart(8)}` +
  `${"lag p99".padStart(9)}${"books".padStart(9)}${"gaps".padStart(6)}${"reconn".padStart(8)}${"budget".padStart(9)}  why`

const cells = (row: Row): string => {
  const ready = `${row.ready}/${row.connections}`.padStart(7)
  const books = `${row.synced}/${row.books}`.padStart(9)
  return [
    ` ${row.venue.padEnd(14)}${row.line.padEnd(9)}${(row.ready === row.connections ? green : yellow)(ready)}`,
    `${String(row.rate).padStart(8)}${millis(row.rtt).padStart(8)}${millis(row.lag).padStart(9)}`,
    `${(row.synced === row.books ? green : yellow)(books)}${String(row.gaps).padStart(6)}`,
    `${String(row.reconnects).padStart(8)}${row.budget.padStart(9)}  ${grey(row.why)}`
  ].join("")
}

const sum = (rows: ReadonlyArray<Row>, of: (row: Row) => number): number =>
  rows.reduce((total, row) => total + of(row), 0)

const rendered = (frame: Frame, lines: number): ReadonlyArray<string> => {
  const { rows } = frame
  const synced = sum(rows, ({ synced }) => synced)
  const books = sum(rows, ({ books }) => books)
  const news = frame.news.slice(-Math.max(3, lines - rows.length - frame.best.length - frame.served.length - 9))
  return [
    `${bold(" kharbranth")}  ${books} symbols of five venues${progress(frame.elapsed, frame.duration)}`,
    ` ${(synced === books ? green : yellow)(`${synced} of ${books} books right`)}   ` +
      `${frame.messages.toLocaleString("en")} messages   ${sum(rows, ({ gaps }) => gaps)} marked gaps`,
    ` ${cyan(sparkline(frame.rates))} ${frame.rates.at(-1) ?? 0} msg/s`,
    ...frame.served.map(({ name, url }) => ` ${name.padEnd(9)} ${cyan(url)}`),
    "",
    grey(head),
    ...rows.map(cells),
    "",
    ...frame.best.map(({ ask, asset, bid }) => ` ${bold(asset.padEnd(6))} bid ${bid.padEnd(32)} ask ${ask}`),
    "",
    ...news.map((line) => ` ${line}`)
  ]
}

const onTerminal = (out: NodeJS.WriteStream): Table => {
  const { close, draw } = canvas(out)
  return { draw: (frame) => draw(rendered(frame, out.rows ?? 40)), say: () => {}, close }
}

const plain = (out: NodeJS.WriteStream): Table => {
  let next = 0
  return {
    draw: ({ best, elapsed, messages, rates, rows, served }) => {
      if (elapsed < next) return
      if (next === 0) for (const { name, url } of served) log(out, elapsed, `${name} ${url}`)
      next = elapsed + 5000
      log(
        out,
        elapsed,
        `${sum(rows, ({ ready }) => ready)}/${sum(rows, ({ connections }) => connections)} connections, ` +
          `${sum(rows, ({ synced }) => synced)}/${sum(rows, ({ books }) => books)} books right, ` +
          `${rates.at(-1) ?? 0} msg/s, ${messages} messages, ${sum(rows, ({ gaps }) => gaps)} marked gaps`
      )
      const behind = rows.filter(({ books, synced }) => synced < books)
      if (behind.length > 0)
        log(
          out,
          elapsed,
          `  not right: ${behind.map(({ books, synced, venue, why }) => `${books - synced} of ${venue} (${why})`).join(", ")}`
        )
      for (const { ask, asset, bid } of best) log(out, elapsed, `  ${asset.padEnd(6)} bid ${bid}   ask ${ask}`)
    },
    say: (elapsed, what) => log(out, elapsed, what),
    close: () => {}
  }
}

/** Draws nothing, and writes a file of what a terminal of 30 lines would show. */
export const recording = (file: string): Table => {
  const { draw, end } = recorder(file)
  return { draw: (frame) => draw(frame.elapsed, rendered(frame, 30)), say: () => {}, close: () => {}, end }
}

export const make = (out: NodeJS.WriteStream): Table => (out.isTTY ? onTerminal(out) : plain(out))
