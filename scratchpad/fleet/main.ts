/**
 * A fleet: three processes hold a thousand names while some of them are killed and
 * paused for half a minute. A server in a process of its own judges what it saw.
 * Run it with `npx -y pnpm@12 demo:fleet`; it needs Postgres on this machine.
 * `--unwatched` takes the watchdogs away, so that a pause shows two sockets.
 */
import * as Effect from "effect/Effect"
import { parseArgs } from "node:util"
import { programs } from "../../packages/cluster/test/support/postgresServer.ts"
import { most, percentile } from "../../packages/cluster-node/test/rig/figures.ts"
import { Rig, type Runner } from "../../packages/cluster-node/test/rig/rig.ts"
import { runDemo } from "../terminal.ts"
import * as Screen from "./screen.ts"

const { values } = parseArgs({ options: { unwatched: { type: "boolean", default: false } } })

const names = 1_000
const duration = 30_000
/** Those of a fleet by default, but for fewer shards: three processes need no more, and a busy machine moves them sooner. */
const ttl = 15_000
const shards = 60
const watchdog = values.unwatched ? "none" : "process"

if (programs === undefined) {
  process.stdout.write(
    [
      "",
      "  This demo starts a Postgres of its own, and there is none on this machine.",
      "  Debian and Ubuntu: apt-get install postgresql. macOS: brew install postgresql.",
      "  Its programs must be in /usr/lib/postgresql or on the PATH.",
      ""
    ].join("\n")
  )
  process.exit(1)
}

const now = (): number => performance.now()

/** What happens, and when: the third process to be hurt is the one that came last. */
interface Blow {
  readonly at: number
  readonly what: "kill" | "pause"
}

const blows: ReadonlyArray<Blow> = [
  { at: 1_000, what: "kill" },
  { at: 12_000, what: "pause" }
]

/**
 * The longest that a name may be without a socket: one that waits for the first process may wait for the second as well,
 * which should have had it next. Each wait is a lease, or the cluster's own `lockExpiry`, which lasts as long by default;
 * the rest is for the cluster to look, the bucket to be claimed and the socket to be dialed.
 */
const longest = blows.at(-1)!.at - blows[0]!.at + ttl + 5_000

const rigged = Effect.acquireRelease(
  Effect.promise(() => Rig.create({ names, ttl, moveBar: 5_000, shards, watchdog })),
  (rig) => Effect.promise(() => rig.remove())
)

const demo = (screen: Screen.Screen) =>
  Effect.gen(function* () {
    const news: Array<string> = []
    const states = new Map<string, string>()
    let start = now()
    const say = (what: string): void => {
      news.push(what)
      screen.say(now() - start, what)
    }

    say("Postgres starts in a temporary folder")
    const rig = yield* rigged
    say("three processes join")
    yield* Effect.promise(() => rig.joinAll(3))
    yield* Effect.promise(() => rig.want())
    say(`${names} names are wanted`)
    yield* Effect.promise(() => rig.settled(3, 120))
    yield* Effect.promise(() => rig.forget())
    say(`${names} names are open`)

    const used = new Map<string, { readonly cpu: number; readonly at: number }>()
    const row = async (runner: Runner, open: Readonly<Record<string, number>>): Promise<Screen.Row> => {
      const { name } = runner
      const state = states.get(name) ?? "runs"
      // One that is paused answers nothing.
      const stats = state === "runs" ? await rig.stats(runner) : undefined
      const before = used.get(name)
      const at = now()
      if (stats !== undefined) used.set(name, { cpu: stats.cpu, at })
      const spent = stats === undefined || before === undefined ? 0 : (stats.cpu - before.cpu) / (at - before.at)
      const memory = Math.round((stats?.memory ?? 0) / 1e6)
      return { name, state, names: open[name] ?? 0, cpu: Math.round(100 * spent), memory }
    }
    start = now()
    const draw = Effect.promise(async () => {
      const { dials, doubles, open, staleFrames } = await rig.verdict()
      const rows = await Promise.all([...rig.runners.values()].map((runner) => row(runner, open)))
      const elapsed = now() - start
      const counts = { doubles: doubles.length, stale: staleFrames, moves: dials.length }
      screen.draw({ elapsed, duration, names, rows, news, ...counts })
    })
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(draw, Effect.sleep("500 millis"))))

    const replace = Effect.fnUntraced(function* (victim: Runner) {
      yield* Effect.promise(() => rig.gone(victim))
      say(`${victim.name} is gone; another process joins`)
      const fresh = yield* Effect.promise(() => rig.join())
      say(`${fresh.name} has joined`)
    })
    for (const { at, what } of blows) {
      yield* Effect.sleep(Math.max(0, start + at - now()))
      const victim = rig.any()
      states.set(victim.name, what === "kill" ? "killed" : "paused")
      say(what === "kill" ? `kill -9 ${victim.name}` : `kill -STOP ${victim.name}: longer than its leases last`)
      victim.remote.signal(what === "kill" ? "SIGKILL" : "SIGSTOP")
      if (what === "pause" && values.unwatched) {
        yield* Effect.sleep("18 seconds")
        victim.remote.signal("SIGCONT")
        states.delete(victim.name)
        say(`kill -CONT ${victim.name}`)
      } else yield* replace(victim)
    }
    yield* Effect.sleep(Math.max(0, start + duration - now()))
    say("everything comes to rest")
    const verdict = yield* Effect.promise(() => rig.settled(3, 60).catch(() => rig.verdict()))
    const { dials, doubles, gaps, open, staleFrames } = verdict
    const opened = Object.values(open).reduce((sum, count) => sum + count, 0)
    return {
      names,
      open: opened,
      doubles: doubles.length,
      stale: staleFrames,
      moves: dials.length,
      gaps: { p50: percentile(gaps, 50), max: most(gaps), longest },
      passed: opened === names && doubles.length === 0 && staleFrames === 0
    } satisfies Screen.Verdict
  }).pipe(Effect.scoped)

const screen = Screen.make(process.stdout)
await runDemo(
  demo(screen),
  () => screen.close(),
  (verdict, left) => {
    process.stdout.write(Screen.verdictText(verdict, left))
    return verdict.passed
  }
)
