/**
 * Writes the lifecycle's transition table as text: every phase variant, reached
 * by inputs from the start, against every input variant.
 */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as ConnectionError from "../../src/ConnectionError.ts"
import type { ConnectionEvent } from "../../src/ConnectionEvent.ts"
import { initial, reduce } from "../../src/internal/lifecycle/reduce.ts"
import type { PausedBy } from "../../src/internal/lifecycle/model.ts"
import type { Command, Config, Hedging, Input, Phase, State } from "../../src/internal/lifecycle/reduce.ts"
import * as Reconnect from "../../src/Reconnect.ts"

export const dropped = (epoch: number): ConnectionError.ConnectionError =>
  new ConnectionError.ConnectionDropped({ connection: "feed", epoch, cause: undefined })

export const overflowed = new ConnectionError.InboxOverflow({ connection: "feed", bytes: 9, max: 8 })

export const invalid = new ConnectionError.InvalidOptions({ connection: "feed", path: ["url"], issue: "bad" })

export const refused = new ConnectionError.HandshakeRejected({
  connection: "feed",
  endpoint: "wss://feed.example",
  status: 401,
  retryAfter: undefined,
  response: Redacted.make({ headers: {}, body: "" })
})

export const ended = (epoch: number, decision: Reconnect.Decision = Reconnect.retry): Input => ({
  _tag: "Ended",
  epoch,
  error: dropped(epoch),
  decision
})

export const restart = (mode: "breakFirst" | "makeFirst", by: "user" | "auto"): Input => ({
  _tag: "Restart",
  mode,
  by,
  reason: "test"
})

export const start: Input = { _tag: "Start" }
export const opened = (epoch: number): Input => ({ _tag: "Opened", epoch })
export const ready = (epoch: number): Input => ({ _tag: "Ready", epoch })
export const stable = (epoch: number): Input => ({ _tag: "Stable", epoch })
export const hung = (epoch: number): Input => ({ _tag: "Hung", epoch })
export const withdraw = (epoch: number): Input => ({ _tag: "Withdraw", epoch })
export const stepped = (delay: number): Input => ({ _tag: "Stepped", delay })
export const simple = (_tag: "Exhausted" | "RetryDue" | "Woke" | "Close"): Input => ({ _tag })
export const pause = (by: PausedBy = "user"): Input => ({ _tag: "Pause", by })
export const resume = (by: PausedBy = "user"): Input => ({ _tag: "Resume", by })
export const rotationDue = (mode: "breakFirst" | "makeFirst", isPlanned: boolean): Input => ({
  _tag: "RotationDue",
  mode,
  reason: "test",
  isPlanned
})

/** One hedge an attempt. */
export const hedging: Hedging = { most: 1, beside: true }

export const reconfigured = (endpoints: number, isNewTarget: boolean): Input => ({
  _tag: "Reconfigured",
  endpoints,
  retryFirst: true,
  maxAttempts: undefined,
  hedging,
  isNewTarget
})

export const config: Config = { connection: "feed", endpoints: 1, retryFirst: true, maxAttempts: undefined, hedging }

/** Runs inputs from the start, a millisecond apart. */
export const run = (inputs: ReadonlyArray<Input>, from: Config = config): State =>
  inputs.reduce((state, input, at) => reduce(state, input, at)[0], initial(from))

interface Variant {
  readonly name: string
  readonly inputs: ReadonlyArray<Input>
  readonly config?: Config
}

export const two = { ...config, endpoints: 2 }
const three = { ...config, endpoints: 3 }
const once = { ...config, retryFirst: false }
const twice = { ...two, hedging: { most: 2, beside: true } }
const instead = { ...two, hedging: { most: 2, beside: false } }
export const live = [start, opened(1), ready(1)]
export const settled = [...live, stable(1)]
const lost = [...live, ended(1)]
const skipped = [...settled, restart("breakFirst", "auto"), opened(2), ready(2)]

/** Every shape a phase can have, and the rest of the state where a rule looks at it. */
export const variants: ReadonlyArray<Variant> = [
  { name: "Idle, not started", inputs: [] },
  { name: "Idle, paused", inputs: [start, pause()] },
  { name: "Idle, paused by its surroundings", inputs: [...live, pause("surroundings")] },
  {
    name: "Idle, paused with an endpoint removed",
    inputs: [start, ended(1, Reconnect.stop), pause()],
    config: two
  },
  { name: "Dialing", inputs: [start] },
  { name: "Dialing, open", inputs: [start, opened(1)] },
  { name: "Dialing, the first connect is not retried", inputs: [start], config: once },
  {
    name: "Dialing, the first connect is not retried, once Ready",
    inputs: [...lost, stepped(5), simple("RetryDue")],
    config: once
  },
  { name: "Dialing, two endpoints", inputs: [start], config: two },
  { name: "Dialing, the target replaced", inputs: [start, reconfigured(2, true)] },
  {
    name: "Dialing, the last of two endpoints",
    inputs: [start, ended(1, Reconnect.stop), stepped(5), simple("RetryDue")],
    config: two
  },
  {
    name: "Dialing, the first of three endpoints removed",
    inputs: [start, ended(1, Reconnect.stop), stepped(5), simple("RetryDue"), ended(2), stepped(5), simple("RetryDue")],
    config: three
  },
  { name: "Dialing, refreshing", inputs: [start, ended(1, Reconnect.refresh), stepped(5), simple("RetryDue")] },
  { name: "Dialing, hedged", inputs: [start, hung(1)] },
  { name: "Dialing, hedged, two endpoints, another hedge left", inputs: [start, hung(1)], config: twice },
  { name: "Dialing, hedged, the target replaced", inputs: [start, hung(1), reconfigured(2, true)] },
  { name: "Dialing, a hedge instead of the first dial", inputs: [start, hung(1)], config: instead },
  { name: "Dialing, no hedge left", inputs: [start, hung(1), ended(2)] },
  { name: "Live, Ready", inputs: live },
  { name: "Live, Ready, two endpoints", inputs: live, config: two },
  {
    name: "Live, Ready, Stable since the last automatic restart",
    inputs: [...settled, ended(1), stepped(5), simple("RetryDue"), opened(2), ready(2)]
  },
  { name: "Live, Ready after an automatic restart", inputs: skipped },
  { name: "Live, Ready, the target replaced", inputs: [...live, reconfigured(2, true)] },
  {
    name: "Live, Stable, the target replaced, successor Dialing",
    inputs: [...settled, reconfigured(2, true), restart("makeFirst", "user")]
  },
  { name: "Live, Stable", inputs: settled },
  { name: "Live, Stable, two endpoints", inputs: settled, config: two },
  { name: "Live, Ready, successor Dialing", inputs: [...live, restart("makeFirst", "user")] },
  {
    name: "Live, Stable, successor Dialing by an automatic restart",
    inputs: [...settled, restart("makeFirst", "auto")]
  },
  { name: "Live, Stable, successor Open", inputs: [...settled, restart("makeFirst", "user"), opened(2)] },
  { name: "Live, Ready, another retiring", inputs: [...settled, restart("makeFirst", "user"), opened(2), ready(2)] },
  {
    name: "Live, Stable, another retiring",
    inputs: [...settled, restart("makeFirst", "user"), opened(2), ready(2), stable(2)]
  },
  { name: "Deciding", inputs: lost },
  { name: "Deciding, after RetryAfter", inputs: [...live, ended(1, Reconnect.retryAfter(700))] },
  { name: "Deciding, a refresh due", inputs: [...live, ended(1, Reconnect.refresh)] },
  { name: "Deciding, Stable since the last automatic restart", inputs: [...settled, ended(1)] },
  { name: "Waiting", inputs: [...lost, stepped(50)] },
  { name: "Waiting, told by the server", inputs: [...live, ended(1, Reconnect.retryAfter(700)), stepped(50)] },
  { name: "Waiting, a refresh due", inputs: [...live, ended(1, Reconnect.refresh), stepped(50)] },
  { name: "Waiting, Stable since the last automatic restart", inputs: [...settled, ended(1), stepped(50)] },
  { name: "Waiting, an endpoint removed", inputs: [start, ended(1, Reconnect.stop), stepped(50)], config: two },
  { name: "Closing, one session", inputs: [...live, simple("Close")] },
  { name: "Closing, two sessions", inputs: [...live, restart("makeFirst", "user"), simple("Close")] },
  { name: "Closed", inputs: [simple("Close")] },
  { name: "Failed, every endpoint refused", inputs: [start, ended(1, Reconnect.stop)] },
  { name: "Failed, not recoverable", inputs: [{ _tag: "Fail", error: invalid }] }
]

const liveEpochs = (phase: Phase): ReadonlyArray<readonly [string, number]> => {
  switch (phase._tag) {
    case "Dialing":
      return [
        ["active", phase.epoch] as const,
        ...(phase.hedge === undefined ? [] : [["hedge", phase.hedge.epoch] as const])
      ]
    case "Live":
      return [
        ["active", phase.epoch] as const,
        ...(phase.successor === undefined ? [] : [["successor", phase.successor.epoch] as const]),
        ...(phase.retiring === undefined ? [] : [["retiring", phase.retiring] as const])
      ]
    case "Closing":
      return phase.waiting.map((epoch) => [`awaited ${epoch}`, epoch] as const)
    default:
      return []
  }
}

/** Every input, for each epoch it can mean in this phase, and for one that is over. */
export const inputsFor = (state: State): ReadonlyArray<readonly [string, Input]> => {
  const epochs: ReadonlyArray<readonly [string, number]> = [...liveEpochs(state.phase), ["stale", 99]]
  return [
    ["Start", start],
    ...epochs.flatMap(
      ([who, epoch]) =>
        [
          [`Opened ${who}`, opened(epoch)],
          [`Ready ${who}`, ready(epoch)],
          [`Stable ${who}`, stable(epoch)],
          [`Hung ${who}`, hung(epoch)],
          [`Withdraw ${who}`, withdraw(epoch)],
          [`Ended ${who}, Retry`, ended(epoch)],
          [`Ended ${who}, RetryAfter 900`, ended(epoch, Reconnect.retryAfter(900))],
          [`Ended ${who}, Refresh`, ended(epoch, Reconnect.refresh)],
          [`Ended ${who}, Stop`, ended(epoch, Reconnect.stop)]
        ] as const
    ),
    ["Stepped 30", stepped(30)],
    ["Exhausted", simple("Exhausted")],
    ["RetryDue", simple("RetryDue")],
    ["Restart breakFirst by user", restart("breakFirst", "user")],
    ["Restart makeFirst by user", restart("makeFirst", "user")],
    ["Restart breakFirst by auto", restart("breakFirst", "auto")],
    ["Restart makeFirst by auto", restart("makeFirst", "auto")],
    ["RotationDue breakFirst", rotationDue("breakFirst", false)],
    ["RotationDue makeFirst", rotationDue("makeFirst", false)],
    ["RotationDue breakFirst as planned", rotationDue("breakFirst", true)],
    ["RotationDue makeFirst as planned", rotationDue("makeFirst", true)],
    ["Woke", simple("Woke")],
    ["Reconfigured, the same target", reconfigured(state.config.endpoints, false)],
    ["Reconfigured, a new target of 2", reconfigured(2, true)],
    ["Pause by user", pause()],
    ["Pause by surroundings", pause("surroundings")],
    ["Resume by user", resume()],
    ["Resume by surroundings", resume("surroundings")],
    ["Close", simple("Close")],
    ["Fail InboxOverflow", { _tag: "Fail", error: overflowed }],
    ["Fail InvalidOptions", { _tag: "Fail", error: invalid }]
  ]
}

const value = (u: unknown): string => {
  if (u instanceof Error && "_tag" in u) return String(u._tag)
  if (Array.isArray(u)) return `[${u.map(value).join(" ")}]`
  if (Duration.isDuration(u)) return `${Duration.toMillis(u)} ms`
  if (typeof u !== "object" || u === null) return String(u)
  return fields(u)
}

/** What is undefined is left out. */
const fields = (u: object): string =>
  `{${Object.entries(u)
    .filter(([, v]) => v !== undefined)
    .map(([key, v]) => `${key} ${value(v)}`)
    .join(", ")}}`

const tagged = ({ _tag, ...rest }: Phase | Command | ConnectionEvent): string =>
  Object.values(rest).every((v) => v === undefined) ? _tag : `${_tag} ${fields(rest)}`

const command = (it: Command): string => (it._tag === "Emit" ? `Emit ${tagged(it.event)}` : tagged(it))

const rest = (state: State): Record<string, unknown> => {
  const { config, endpoint, epoch, everReady, mayskip, outage, removed } = state
  return {
    endpoints: config.endpoints,
    epoch,
    endpoint,
    removed,
    ...outage,
    everReady,
    mayskip
  }
}

const changes = (before: State, after: State): string => {
  const old = rest(before)
  return Object.entries(rest(after))
    .filter(([key, now]) => value(now) !== value(old[key]))
    .map(([key, now]) => `${key} = ${value(now)}`)
    .join(", ")
}

const row = (name: string, before: State, [after, commands]: readonly [State, ReadonlyArray<Command>]): string =>
  `| ${name} | ${tagged(after.phase)} | ${changes(before, after)} | ${commands.map(command).join("; ")} |`

const section = (variant: Variant): string => {
  const state = run(variant.inputs, variant.config ?? config)
  const outcomes = inputsFor(state).map(([name, input]) => [name, reduce(state, input, 1000)] as const)
  const ignored = outcomes.filter(([, [next, commands]]) => next === state && commands.length === 0)
  const rows = outcomes
    .filter((outcome) => !ignored.includes(outcome))
    .map(([name, outcome]) => row(name, state, outcome))
  return [
    `## ${variant.name}`,
    "",
    `\`${tagged(state.phase)}\` with ${value(rest(state))}`,
    "",
    ...(rows.length === 0
      ? []
      : ["| input | next phase | else changed | commands |", "|---|---|---|---|", ...rows, ""]),
    `Ignored: ${ignored.map(([name]) => name).join("; ")}`,
    ""
  ].join("\n")
}

export const table = (): string =>
  [
    "# The lifecycle's transition table",
    "",
    "Written by `lifecycle.test.ts` (`UPDATE_TABLE=1` rewrites it); every input comes at 1000 ms.",
    "",
    ...variants.map(section)
  ].join("\n")
