/** What both demos draw with: colours, a spark line, and a terminal's second screen. */
import { writeFileSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

const paint = (code: string) => (text: string) => `\u001b[${code}m${text}\u001b[0m`
export const green = paint("32")
export const yellow = paint("33")
export const red = paint("31")
export const cyan = paint("36")
export const grey = paint("90")
export const bold = paint("1")

const bars = " ▁▂▃▄▅▆▇█"
export const sparkline = (numbers: ReadonlyArray<number>): string => {
  const most = Math.max(1, ...numbers)
  return numbers.map((n) => bars[Math.ceil((n / most) * (bars.length - 1))]).join("")
}

/** How far something has come, and the time. */
export const progress = (elapsed: number, duration: number): string => {
  const width = 30
  const done = Math.min(width, Math.round((elapsed / duration) * width))
  const time = `${(elapsed / 1000).toFixed(1)} s`.padStart(7)
  return ` ${cyan("█".repeat(done))}${grey("░".repeat(width - done))} ${time}`
}

export const seconds = (millis: number | undefined): string =>
  millis === undefined ? "none" : `${(millis / 1000).toFixed(2)} s`

/** A terminal's second screen, until it is closed. */
export interface Canvas {
  readonly draw: (lines: ReadonlyArray<string>) => void
  readonly close: () => void
}

// Its sequences start with an escape character, by design.
// oxlint-disable-next-line no-control-regex
const sequence = /(\u001b\[[\d;]*m)/

/** As much of a line as fits, with all its colours: a line that wraps would push the first ones off. */
export const clipped = (line: string, columns: number): string => {
  let room = columns
  return line
    .split(sequence)
    .map((part, index) => {
      if (index % 2 === 1) return part
      const kept = Array.from(part).slice(0, room)
      room -= kept.length
      return kept.join("")
    })
    .join("")
}

/** As many lines as fit, and of each as much as fits. */
export const fitted = (lines: ReadonlyArray<string>, columns: number, rows: number): ReadonlyArray<string> =>
  lines.slice(0, rows).map((line) => clipped(line, columns))

export const canvas = (out: NodeJS.WriteStream): Canvas => {
  out.write("\u001b[?1049h\u001b[?25l")
  let open = true
  return {
    draw: (lines) => {
      // One column stays free: behind a full line the cursor stands on its last character, and erases it.
      const shown = fitted(lines, (out.columns ?? 80) - 1, out.rows ?? 24)
      if (open) out.write(`\u001b[H${shown.map((line) => `${line}\u001b[K`).join("\n")}\u001b[J`)
    },
    close: () => {
      if (open) out.write("\u001b[?25h\u001b[?1049l")
      open = false
    }
  }
}

/** What a terminal showed, and when, in milliseconds. */
export interface Recorded {
  readonly at: number
  readonly lines: ReadonlyArray<string>
}

/** Keeps what would be drawn, and writes it to a file as JSON at the end, with the last word. */
export const recorder = (file: string) => {
  const frames: Array<Recorded> = []
  return {
    draw: (at: number, lines: ReadonlyArray<string>): void => {
      frames.push({ at, lines })
    },
    end: (lastWord: string): void => {
      const at = (frames.at(-1)?.at ?? 0) + 1000
      writeFileSync(file, JSON.stringify([...frames, { at, lines: lastWord.split("\n") }]))
    }
  }
}

/** A line of a log, where there is no terminal. */
export const log = (out: NodeJS.WriteStream, elapsed: number, what: string): void => {
  out.write(`${(elapsed / 1000).toFixed(1).padStart(6)} s  ${what}\n`)
}

/** What would keep this process alive now. */
const leftRunning = (): string => {
  const kinds = process.getActiveResourcesInfo().filter((kind) => !/^(TTYWrap|PipeWrap|FSReqCallback)$/.test(kind))
  return kinds.length === 0 ? "nothing" : kinds.join(", ")
}

/** The same after a few turns of the event loop, so that what was closed is gone. */
const settled = async (): Promise<string> => {
  for (const end = performance.now() + 500; leftRunning() !== "nothing" && performance.now() < end;) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return leftRunning()
}

/** What a signal does while the demo waits for one, instead of stopping it. */
let answer: (() => void) | undefined

/** Waits for Ctrl-C, or another signal to stop. */
export const signal: Effect.Effect<void> = Effect.callback((resume) => {
  answer = () => resume(Effect.void)
})

/**
 * Runs a demo to its end, or until a signal asks it to stop; then `close` gives
 * the terminal back. The exit code is 0 if it passed and nothing is left running.
 */
export const runDemo = async <A>(
  demo: Effect.Effect<A, unknown>,
  close: () => void,
  judge: (verdict: A, left: string) => boolean
): Promise<void> => {
  const fiber = Effect.runFork(demo)
  const stop = () => (answer === undefined ? fiber.interruptUnsafe() : answer())
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  const exit = await Effect.runPromise(Fiber.await(fiber))
  close()
  process.off("SIGINT", stop)
  process.off("SIGTERM", stop)
  const left = await settled()
  if (Exit.isFailure(exit)) process.stdout.write(`\n  the demo did not finish: ${String(exit.cause)}\n`)
  process.exitCode = Exit.isSuccess(exit) && judge(exit.value, left) && left === "nothing" ? 0 : 1
}
