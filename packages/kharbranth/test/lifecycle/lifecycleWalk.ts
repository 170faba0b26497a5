/**
 * Seeded random walks through a lifecycle reducer, each transition checked by
 * the monitor: one kind behaves as a real shell does (it answers commands, late
 * and out of turn at times), the other sends anything at all.
 */
import { initial } from "../../src/internal/lifecycle/reduce.ts"
import type { Command, Config, Input, State } from "../../src/internal/lifecycle/reduce.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { mulberry32 } from "../support/random.ts"
import { Broken, Monitor } from "./lifecycleMonitor.ts"
import {
  dropped,
  hung,
  invalid,
  opened,
  overflowed,
  pause,
  ready,
  reconfigured,
  refused,
  restart,
  resume,
  rotationDue,
  simple,
  stable,
  start,
  withdraw
} from "./lifecycleTable.ts"

export type Reduce = (state: State, input: Input, now: number) => readonly [State, ReadonlyArray<Command>]

export type Style = "well-behaved" | "anything"

class Dice {
  readonly next: () => number

  constructor(seed: number) {
    this.next = mulberry32(seed)
  }

  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  chance(p: number): boolean {
    return this.next() < p
  }

  pick<A>(choices: ReadonlyArray<A>): A {
    return choices[this.below(choices.length)] as A
  }
}

const decisions: ReadonlyArray<Reconnect.Decision> = [
  Reconnect.retry,
  Reconnect.retry,
  Reconnect.retryAfter(700),
  Reconnect.refresh,
  Reconnect.stop
]

const endedBy = (dice: Dice, epoch: number): Input => ({
  _tag: "Ended",
  epoch,
  error: dice.chance(0.3) ? refused : dropped(epoch),
  decision: dice.pick(decisions)
})

const anyRestart = (dice: Dice): Input =>
  restart(dice.pick(["breakFirst", "makeFirst"] as const), dice.pick(["user", "auto"] as const))

const steppedBy = (dice: Dice): Input => ({ _tag: "Stepped", delay: dice.below(5000) })

const asks = (dice: Dice): Input =>
  dice.pick<() => Input>([
    () => start,
    () => anyRestart(dice),
    () => anyRestart(dice),
    () => anyRestart(dice),
    () => anyRestart(dice),
    () => pause(dice.pick(["user", "surroundings"] as const)),
    () => resume(dice.pick(["user", "surroundings"] as const)),
    () => simple("Woke"),
    () => rotationDue(dice.pick(["breakFirst", "makeFirst"] as const), dice.pick([true, false])),
    () => reconfigured(1 + dice.below(3), dice.chance(0.5)),
    () => ({ _tag: "Fail", error: dice.chance(0.2) ? invalid : overflowed })
  ])()

/** Anything, for any epoch, whether it makes sense or not. */
const anything = (dice: Dice, monitor: Monitor): Input => {
  const epoch =
    dice.chance(0.7) && monitor.alive.size > 0 ? dice.pick([...monitor.alive]) : dice.below(monitor.last + 2)
  return dice.pick<() => Input>([
    () => opened(epoch),
    () => ready(epoch),
    () => ready(epoch),
    () => stable(epoch),
    () => (dice.chance(0.3) ? withdraw(epoch) : ready(epoch)),
    () => hung(epoch),
    () => endedBy(dice, epoch),
    () => steppedBy(dice),
    () => simple("RetryDue"),
    () => (dice.chance(0.1) ? simple("Exhausted") : steppedBy(dice)),
    () => (dice.chance(0.01) ? simple("Close") : anyRestart(dice)),
    () => (dice.chance(0.4) ? asks(dice) : start)
  ])()
}

/** A shell that answers what it was asked, ends each session once, and is late now and then. */
class Shell {
  readonly gates = new Map<number, number>()
  readonly dice: Dice
  readonly monitor: Monitor

  constructor(dice: Dice, monitor: Monitor) {
    this.dice = dice
    this.monitor = monitor
  }

  next(): Input {
    const { dice, monitor } = this
    if (dice.chance(0.15)) return dice.chance(0.01) ? simple("Close") : asks(dice)
    if (dice.chance(0.06) && monitor.last > 0) return this.late()
    if (monitor.pausedBy !== undefined && dice.chance(0.5)) {
      const by = dice.pick(["user", "surroundings"] as const)
      return dice.pick([pause(by), resume(by)])
    }
    if (monitor.successor !== undefined && dice.chance(0.1)) return withdraw(monitor.successor)
    if (monitor.asked && dice.chance(0.6)) return dice.chance(0.05) ? simple("Exhausted") : steppedBy(dice)
    if (monitor.waiting !== undefined && dice.chance(0.5)) return simple("RetryDue")
    const sessions = [...monitor.unended]
    if (sessions.length === 0) return monitor.closed ? simple("Close") : dice.pick([start, resume(), anyRestart(dice)])
    return this.progress(dice.pick(sessions))
  }

  /** One step of one session: a gate, or its end, soon when it was told to end. */
  private progress(epoch: number): Input {
    const gate = this.gates.get(epoch) ?? 0
    if (!this.monitor.alive.has(epoch) || this.dice.chance(0.12)) return endedBy(this.dice, epoch)
    if (gate === 2 && epoch !== this.monitor.active) return endedBy(this.dice, epoch)
    if (gate === 0 && this.dice.chance(0.15)) return hung(epoch)
    this.gates.set(epoch, Math.min(gate + 1, 3))
    return gate === 0 ? opened(epoch) : gate === 1 ? ready(epoch) : stable(epoch)
  }

  /** A gate of a session that is over, or an answer nobody waits for any more. */
  private late(): Input {
    const { dice, monitor } = this
    const epoch = 1 + dice.below(monitor.last)
    const gates = [opened(epoch), ready(epoch), stable(epoch), withdraw(epoch), hung(epoch)]
    const answers = [
      ...(monitor.asked ? [] : [steppedBy(dice), simple("Exhausted")]),
      ...(monitor.waiting === undefined ? [simple("RetryDue")] : [])
    ]
    return dice.pick(monitor.alive.has(epoch) ? [...answers, start] : [...gates, ...answers])
  }
}

const configOf = (dice: Dice): Config => ({
  connection: "walk",
  endpoints: 1 + dice.below(3),
  retryFirst: dice.chance(0.8),
  maxAttempts: dice.chance(0.3) ? 1 + dice.below(4) : undefined,
  hedging: { most: dice.below(4), beside: dice.chance(0.7) }
})

const told = (input: Input): string =>
  JSON.stringify(input, (key, value: unknown) => (key === "error" ? (value as { _tag: string })._tag : value))

export interface Walk {
  readonly transitions: number
  /** How often each cell was visited and each command given. */
  readonly counts: ReadonlyMap<string, number>
}

/** Walks, closes, delivers what is still to come, and demands that it is Closed then. Throws with the seed and the way there. */
export const walk = (reduce: Reduce, style: Style, seed: number, length: number): Walk => {
  const dice = new Dice(seed)
  const config = configOf(dice)
  const monitor = new Monitor(config)
  const shell = new Shell(dice, monitor)
  const trail: Array<string> = []
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)
  let state = initial(config)
  let now = 1_700_000_000_000
  const feed = (input: Input): void => {
    now += dice.below(2000)
    trail.push(told(input))
    count(`${state.phase._tag} ${input._tag}`)
    const before = state
    const [after, commands] = reduce(before, input, now)
    monitor.check(before, input, after, commands, now)
    for (const { _tag } of commands) count(_tag)
    state = after
  }
  try {
    for (let at = 0; at < length; at++) feed(style === "anything" ? anything(dice, monitor) : shell.next())
    feed(simple("Close"))
    for (const epoch of [...monitor.unended]) feed(endedBy(dice, epoch))
    if (state.phase._tag !== "Closed") throw new Broken({ message: `ends in ${state.phase._tag}, not Closed` })
  } catch (cause) {
    if (!(cause instanceof Broken)) throw cause
    const where = `seed ${seed}, ${style}, ${JSON.stringify(config)}, after ${trail.length} inputs, the last of them:`
    throw new Broken({ message: [cause.message, where, ...trail.slice(-12)].join("\n") })
  }
  return { transitions: trail.length, counts }
}
