/**
 * The whole state space of a lifecycle reducer within bounds: breadth first from
 * the start, every input in every state, each transition checked by the monitor.
 * States that differ only in the identity of an error count as one.
 */
import { initial } from "../../src/internal/lifecycle/reduce.ts"
import type { Config, Input, State } from "../../src/internal/lifecycle/reduce.ts"
import * as Reconnect from "../../src/Reconnect.ts"
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
  restart,
  resume,
  rotationDue,
  simple,
  stable,
  start,
  stepped,
  withdraw
} from "./lifecycleTable.ts"
import type { Reduce } from "./lifecycleWalk.ts"

export interface Bounds {
  /** No session after this one is dialed. */
  readonly epochs: number
}

export interface Space {
  readonly states: number
  readonly edges: number
  /** Inputs on the way to the farthest state. */
  readonly depth: number
}

const error = dropped(0)
const decisions = [Reconnect.retry, Reconnect.retryAfter(700), Reconnect.refresh, Reconnect.stop]

/** What may come at any time. */
const anytime: ReadonlyArray<Input> = [
  start,
  stepped(1),
  simple("Exhausted"),
  simple("RetryDue"),
  simple("Woke"),
  restart("breakFirst", "user"),
  restart("makeFirst", "user"),
  restart("breakFirst", "auto"),
  restart("makeFirst", "auto"),
  rotationDue("breakFirst", false),
  rotationDue("makeFirst", false),
  rotationDue("breakFirst", true),
  rotationDue("makeFirst", true),
  reconfigured(2, false),
  reconfigured(2, true),
  reconfigured(1, true),
  pause("user"),
  pause("surroundings"),
  resume("user"),
  resume("surroundings"),
  simple("Close"),
  { _tag: "Fail", error: overflowed },
  { _tag: "Fail", error: invalid }
]

/** What a session may report, alive or not; its end comes once. */
const ofSession = (epoch: number, unended: boolean): ReadonlyArray<Input> => [
  opened(epoch),
  hung(epoch),
  ready(epoch),
  stable(epoch),
  withdraw(epoch),
  ...(unended ? decisions.map((decision): Input => ({ _tag: "Ended", epoch, error, decision })) : [])
]

const inputsIn = (monitor: Monitor): ReadonlyArray<Input> => [
  ...anytime,
  ...Array.from({ length: monitor.last }, (_, at) => ofSession(at + 1, monitor.unended.has(at + 1))).flat()
]

/** All happens at once, but for rotations that were planned: they come when they may happen. */
const timeOf = (input: Input): number => (input._tag === "RotationDue" && input.isPlanned ? 1000 : 0)

interface Place {
  readonly state: State
  readonly monitor: Monitor
  readonly from: Place | undefined
  readonly by: Input | undefined
}

const phaseKey = ({ phase }: State): string => {
  switch (phase._tag) {
    case "Idle":
      return `Idle ${phase.reason}${phase.reason === "Paused" ? phase.by : ""}`
    case "Dialing": {
      const { endpoint, epoch, gate, hedge, hedgesLeft } = phase
      return `Dialing ${epoch} ${gate} ${endpoint} ${hedge?.epoch} ${hedge?.gate} ${hedge?.endpoint} ${hedgesLeft}`
    }
    case "Live": {
      const { endpoint, epoch, gate, retiring, successor } = phase
      const next = successor === undefined ? "" : `${successor.epoch} ${successor.gate} ${successor.endpoint}`
      return `Live ${epoch} ${gate} ${endpoint} ${retiring} ${next}`
    }
    case "Deciding":
      return `Deciding ${phase.atLeast}`
    case "Waiting":
      return `Waiting ${phase.until} ${phase.told}`
    case "Closing":
      return `Closing ${phase.waiting.join()}`
    case "Closed":
      return "Closed"
    case "Failed":
      return `Failed ${phase.recoverable}`
  }
}

/** A state as far as anything that follows can depend on it: errors are passed on, and decide nothing. */
const keyOf = (state: State, monitor: Monitor): string => {
  const { config, endpoint, epoch, everReady, mayskip, outage, removed } = state
  const { attempt, fresh, refresh, refreshUsed } = outage
  const outages = `${attempt} ${fresh} ${refresh} ${refreshUsed}`
  const { beside, most } = config.hedging
  const rest = `${config.endpoints} ${config.retryFirst} ${most} ${beside} ${epoch} ${endpoint} ${removed.join()} ${everReady} ${mayskip}`
  return `${phaseKey(state)}|${rest}|${outages}|${monitor.essence()}`
}

const told = (_: string, value: unknown): unknown => (value instanceof Error ? value.name : value)

const wayTo = (place: Place): ReadonlyArray<string> =>
  place.from === undefined ? [] : [...wayTo(place.from), JSON.stringify(place.by, told)]

/** Explores; throws with the shortest way to a transition that breaks a rule. */
export const explore = (reduce: Reduce, config: Config, { epochs }: Bounds): Space => {
  const first: Place = { state: initial(config), monitor: new Monitor(config), from: undefined, by: undefined }
  const seen = new Set([keyOf(first.state, first.monitor)])
  const trial = new Monitor(config)
  let [edges, depth] = [0, 0]
  let frontier = [first]
  while (frontier.length > 0) {
    const next: Array<Place> = []
    for (const place of frontier) {
      for (const input of inputsIn(place.monitor)) {
        const now = timeOf(input)
        const [state, commands] = reduce(place.state, input, now)
        if (state.epoch > epochs) continue
        edges++
        trial.become(place.monitor)
        try {
          trial.check(place.state, input, state, commands, now)
        } catch (cause) {
          if (!(cause instanceof Broken)) throw cause
          const way = [...wayTo(place), JSON.stringify(input, told)]
          throw new Broken({ message: [cause.message, "by way of", ...way].join("\n") })
        }
        const key = keyOf(state, trial)
        if (seen.has(key)) continue
        seen.add(key)
        next.push({ state, monitor: new Monitor(config).become(trial), from: place, by: input })
      }
    }
    if (next.length > 0) depth++
    frontier = next
  }
  return { states: seen.size, edges, depth }
}
