/**
 * Turns frames of a terminal into one animated SVG: the frames lie side by side
 * on a strip, and an animation in steps moves it. Lines that occur more than
 * once are written once.
 */

export interface Frame {
  /** Milliseconds. */
  readonly at: number
  /** Lines of text with ANSI colours. */
  readonly lines: ReadonlyArray<string>
}

export interface Size {
  readonly columns: number
  readonly rows: number
  /** How long the last frame stays, in milliseconds. */
  readonly rest: number
}

const cell = { width: 7.8, height: 17 }
const margin = 14

const colours: Readonly<Record<string, string>> = {
  31: "r",
  32: "g",
  33: "y",
  36: "c",
  90: "d",
  1: "b"
}

const style = [
  ".t{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#d8dee6;white-space:pre}",
  ".r{fill:#ff7b72}.g{fill:#56d364}.y{fill:#e3b341}.c{fill:#39c5cf}.d{fill:#7d8590}.b{font-weight:700;fill:#fff}"
].join("")

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

interface Run {
  readonly column: number
  readonly colour: string
  readonly text: string
}

/** A line as runs of one colour. Blanks are left out, since a run knows its column. */
export const runsOf = (line: string): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  let colour = ""
  let column = 0
  // oxlint-disable-next-line no-control-regex -- ANSI sequences begin with ESC.
  for (const [, code, text = ""] of line.matchAll(/\u001b\[(\d+)m|([^\u001b]+)/g)) {
    if (code !== undefined) {
      colour = colours[code] ?? ""
      continue
    }
    for (const piece of text.matchAll(/\S+(?: \S+)*/g))
      runs.push({ column: column + piece.index, colour, text: piece[0] })
    column += text.length
  }
  return runs
}

const round = (n: number): string => String(Number(n.toFixed(1)))

const drawn = (line: string): string =>
  runsOf(line)
    .map(({ colour, column, text }) => {
      const width = round(text.length * cell.width)
      const of = colour === "" ? "" : ` class="${colour}"`
      return `<tspan x="${round(column * cell.width)}" textLength="${width}"${of}>${escaped(text)}</tspan>`
    })
    .join("")

const percent = (n: number): string => `${Number((n * 100).toFixed(2))}%`

/** The moments at which each frame begins, as parts of the whole. */
const keyframes = (frames: ReadonlyArray<Frame>, width: number, total: number): string => {
  const from = frames[0]?.at ?? 0
  return frames
    .map(({ at }, index) => `${percent((at - from) / total)}{transform:translateX(${-index * width}px)}`)
    .join("")
}

export const animate = (title: string, frames: ReadonlyArray<Frame>, size: Size): string => {
  const width = Math.ceil(size.columns * cell.width) + 2 * margin
  const height = size.rows * cell.height + 2 * margin
  const total = (frames.at(-1)?.at ?? 0) - (frames[0]?.at ?? 0) + size.rest
  const uses = new Map<string, number>()
  for (const { lines } of frames) for (const line of lines) uses.set(line, (uses.get(line) ?? 0) + 1)
  const shared = [...uses].filter(([line, count]) => count > 1 && runsOf(line).length > 0).map(([line]) => line)
  const names = new Map(shared.map((line, index) => [line, `l${index}`]))
  const row = (line: string, index: number): string => {
    const y = (index + 1) * cell.height - 4
    const name = names.get(line)
    if (name !== undefined) return `<use href="#${name}" y="${y}"/>`
    const content = drawn(line)
    return content === "" ? "" : `<text y="${y}">${content}</text>`
  }
  const picture = ({ lines }: Frame, index: number): string =>
    `<g transform="translate(${index * width})">${lines.slice(0, size.rows).map(row).join("")}</g>`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}.s{animation:s ${round(total / 1000)}s step-end infinite}`,
    `@keyframes s{${keyframes(frames, width, total)}}`,
    `@media(prefers-reduced-motion:reduce){.s{animation:none;transform:translateX(${-(frames.length - 1) * width}px)}}</style>`,
    `<defs>${shared.map((line) => `<text id="${names.get(line)}">${drawn(line)}</text>`).join("")}</defs>`,
    `<rect width="${width}" height="${height}" rx="8" fill="#0d1117"/>`,
    `<svg x="${margin}" y="${margin}" width="${width - 2 * margin}" height="${height - 2 * margin}"><g class="t s">`,
    ...frames.map(picture),
    `</g></svg></svg>`,
    ""
  ].join("\n")
}
