/**
 * What runs in the watchdog, as text: it is started with `node -e` or as a worker,
 * so it needs no file of its own where a program is bundled.
 *
 * A deadline is a moment of the machine's monotonic clock in milliseconds, which
 * all processes and threads of the machine share; 0 means that there is none.
 */

/** Reads deadlines, one a line; kills its parent after one, and ends with it. */
export const childProgram = `
const parent = Number(process.argv[1])
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000
let deadline = 0
let rest = ""
let timer
const look = () => {
  clearTimeout(timer)
  if (deadline === 0) return
  const left = deadline - now()
  if (left > 0) timer = setTimeout(look, Math.min(left + 1, 1000))
  else try { process.kill(parent, "SIGKILL") } finally { process.exit() }
}
process.stdin.setEncoding("utf8")
process.stdin.on("data", (text) => {
  const lines = (rest + text).split("\\n")
  rest = lines.pop()
  if (lines.length === 0) return
  deadline = Number(lines.at(-1))
  look()
})
process.stdin.on("end", () => process.exit())
process.stdin.on("error", () => process.exit())
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => {})
`

/** Looks at a deadline in shared memory; kills its own process after it. */
export const threadProgram = `
const { workerData } = require("node:worker_threads")
const now = () => Number(process.hrtime.bigint() / 1000n) / 1000
const deadline = new Float64Array(workerData, 0, 1)
const bell = new Int32Array(workerData, 8)
for (;;) {
  const left = deadline[0] - now()
  if (deadline[0] !== 0 && left <= 0) process.kill(process.pid, "SIGKILL")
  if (Atomics.load(bell, 1) === 1) break
  Atomics.wait(bell, 0, Atomics.load(bell, 0), deadline[0] === 0 ? 1000 : Math.max(1, Math.min(left, 1000)))
}
`
