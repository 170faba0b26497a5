/**
 * Proves with real processes that a watchdog kills one that is stopped or blocked
 * when its leases are over, not before, and not one without leases; that it ends
 * with the process that it watches; and that it is started again when it dies.
 */
import { assert, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { setTimeout as sleep } from "node:timers/promises"
import { fileURLToPath } from "node:url"

interface Watched {
  readonly child: ChildProcess
  /** Says a line, and waits for its echo. */
  readonly say: (line: string) => Promise<void>
  readonly ended: Promise<NodeJS.Signals | null>
}

const program = fileURLToPath(new URL("watched.ts", import.meta.url))

const start = async (kind: "process" | "thread"): Promise<Watched> => {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, kind], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => child.once("exit", (_, signal) => resolve(signal)))
  const waiting: Array<() => void> = []
  createInterface(child.stdout).on("line", () => waiting.shift()?.())
  const heard = () => new Promise<void>((resolve) => waiting.push(resolve))
  const ready = heard()
  await Promise.race([ready, ended])
  return {
    child,
    ended,
    say: (line) => {
      const echo = heard()
      child.stdin.write(`${line}\n`)
      return echo
    }
  }
}

/** Runs with a process that is gone afterwards. */
const withWatched = async (kind: "process" | "thread", run: (watched: Watched) => Promise<void>): Promise<void> => {
  const watched = await start(kind)
  try {
    await run(watched)
  } finally {
    watched.child.kill("SIGKILL")
    await watched.ended
  }
}

const isLiving = ({ child }: Watched): boolean => child.exitCode === null && child.signalCode === null

/** Children of a process; this needs /proc. */
const childrenOf = (pid: number): ReadonlyArray<number> =>
  readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return []
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, "utf8"))?.[1]
      return Number(parent) === pid ? [Number(entry)] : []
    } catch {
      // It ended in between.
      return []
    }
  })

const until = async (holds: () => boolean): Promise<void> => {
  for (let n = 0; n < 400 && !holds(); n++) await sleep(50)
  assert.isTrue(holds())
}

describe("ProcessWatchdog", () => {
  for (const kind of ["process", "thread"] as const) {
    it(`layer${kind === "process" ? "Process" : "Thread"} kills a process whose event loop is blocked past its leases`, () =>
      withWatched(kind, async (watched) => {
        await watched.say("1500")
        void watched.say("block")
        assert.strictEqual(await watched.ended, "SIGKILL")
      }))

    it(`layer${kind === "process" ? "Process" : "Thread"} leaves one alone that holds nothing`, () =>
      withWatched(kind, async (watched) => {
        await watched.say("1500")
        await watched.say("none")
        await sleep(1_500)
        assert.isTrue(isLiving(watched))
      }))
  }

  it("layerProcess kills one that is stopped, when its leases are over and not before", () =>
    withWatched("process", async (watched) => {
      const began = performance.now()
      await watched.say("3000")
      watched.child.kill("SIGSTOP")
      assert.strictEqual(await watched.ended, "SIGKILL")
      assert.isAtLeast(performance.now() - began, 3_000)
    }))

  it("layerProcess leaves one alone that goes on in time", () =>
    withWatched("process", async (watched) => {
      await watched.say("3000")
      watched.child.kill("SIGSTOP")
      await sleep(500)
      watched.child.kill("SIGCONT")
      await watched.say("60000")
      await sleep(3_000)
      assert.isTrue(isLiving(watched))
    }))

  if (process.platform === "linux") {
    it("layerProcess ends with its process, and is started again when it dies", () =>
      withWatched("process", async (watched) => {
        const pid = watched.child.pid!
        await until(() => childrenOf(pid).length === 1)
        const [first] = childrenOf(pid)
        process.kill(first!, "SIGKILL")
        await until(() => childrenOf(pid).some((child) => child !== first))
        const [second] = childrenOf(pid)
        await watched.say("60000")
        watched.child.kill("SIGKILL")
        await watched.ended
        await until(() => !readdirSync("/proc").includes(String(second)))
      }))
  }
})
