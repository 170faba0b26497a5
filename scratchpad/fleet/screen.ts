/** What there is to see of the fleet: a live table on a terminal, plain lines elsewhere. */
import { bold, canvas, cyan, green, grey, log, progress, red, seconds, yellow } from "../terminal.ts"

export interface Row {
  readonly name: string
  /** Such as `runs`, `paused`, `killed`. */
  readonly state: string
  readonly names: number
  /** Of a core, in percent, and MB. */
  readonly cpu: number
  readonly memory: number
}

export interface Frame {
  readonly elapsed: number
  readonly duration: number
  readonly names: number
  readonly rows: ReadonlyArray<Row>
  readonly doubles: number
  readonly stale: number
  readonly moves: number
  readonly news: ReadonlyArray<string>
}

export interface Screen {
  readonly draw: (frame: Frame) => void
  readonly say: (elapsed: number, what: string) => void
  readonly close: () => void
}

export interface Verdict {
  readonly names: number
  readonly open: number
  readonly doubles: number
  readonly stale: number
  readonly moves: number
  /** How long names that moved had no socket, and how long they may, in milliseconds. */
  readonly gaps: { readonly p50: number; readonly max: number; readonly longest: number }
  readonly passed: boolean
}

/** Of a bar: a row of the table then fits into 80 columns. */
const width = 32

const bar = (names: number, all: number): string => {
  const full = Math.round((names / all) * width)
  return cyan("█".repeat(full)) + grey("░".repeat(width - full))
}

const colours: Readonly<Record<string, (text: string) => string>> = { runs: green, paused: yellow, killed: red }

const cells = ({ cpu, memory, name, names, state }: Row, all: number): string =>
  ` ${name.padEnd(10)} ${(colours[state] ?? grey)(state.padEnd(8))} ${bar(names, all)} ` +
  `${String(names).padStart(5)} ${`${cpu} %`.padStart(7)} ${`${memory} MB`.padStart(8)}`

const count = (number: number): string => (number === 0 ? green("0") : red(String(number)))

const rendered = (frame: Frame): ReadonlyArray<string> => {
  const open = frame.rows.reduce((sum, { names }) => sum + names, 0)
  return [
    `${bold(" kharbranth")}  ${frame.names} names, three processes${progress(frame.elapsed, frame.duration)}`,
    ` ${(open === frame.names ? green : yellow)(`${open} of ${frame.names} open`)}   ${frame.moves} dials`,
    ` two sockets of one name ${count(frame.doubles)}   frames out of date ${count(frame.stale)}`,
    "",
    grey(` ${"process".padEnd(10)} ${"".padEnd(8)} ${"".padEnd(width)} names     cpu   memory`),
    ...frame.rows.map((row) => cells(row, frame.names)),
    "",
    ...frame.news.slice(-8).map((line) => ` ${line}`)
  ]
}

const onTerminal = (out: NodeJS.WriteStream): Screen => {
  const { close, draw } = canvas(out)
  return { draw: (frame) => draw(rendered(frame)), say: () => {}, close }
}

const plain = (out: NodeJS.WriteStream): Screen => {
  let next = 0
  return {
    draw: ({ doubles, elapsed, moves, names, rows, stale }) => {
      if (elapsed < next) return
      next = elapsed + 2_500
      const open = rows.reduce((sum, row) => sum + row.names, 0)
      const shares = rows.map((row) => `${row.name} ${row.state} ${row.names}`).join(", ")
      log(out, elapsed, `${open}/${names} open, ${moves} dials, ${doubles} doubles, ${stale} stale (${shares})`)
    },
    say: (elapsed, what) => log(out, elapsed, what),
    close: () => {}
  }
}

export const make = (out: NodeJS.WriteStream): Screen => (out.isTTY ? onTerminal(out) : plain(out))

const must = (number: number): string => `${number}${number === 0 ? "" : "   <- must be 0"}`

// Said, not judged: a machine that is busy with other things is late with everything.
const withinBound = ({ longest, max }: Verdict["gaps"]): string =>
  max <= longest ? `, of at most ${seconds(longest)}` : `   <- more than ${seconds(longest)}: is the machine busy?`

/** The last word. */
export const verdictText = (verdict: Verdict, left: string): string =>
  [
    "",
    `  names open           ${verdict.open} of ${verdict.names}`,
    `  moves                ${verdict.moves}, without a socket p50 ${seconds(verdict.gaps.p50)}, max ${seconds(verdict.gaps.max)}${withinBound(verdict.gaps)}`,
    `  two sockets at once  ${must(verdict.doubles)}`,
    `  frames out of date   ${must(verdict.stale)}`,
    `  left running         ${left}`,
    "",
    verdict.passed && left === "nothing" ? "  PASSED" : "  FAILED",
    ""
  ].join("\n")
