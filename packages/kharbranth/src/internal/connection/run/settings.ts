/** A connection's options with their defaults, and the policies that they become. */
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import type * as Codec from "../../../Codec.ts"
import type * as Connection from "../../../Connection.ts"
import type { ConnectionError, InvalidOptions } from "../../../ConnectionError.ts"
import * as Heartbeat from "../../../Heartbeat.ts"
import type * as Inbox from "../../../Inbox.ts"
import type * as Outbox from "../../../Outbox.ts"
import * as Reconnect from "../../../Reconnect.ts"
import type * as Target from "../../../Target.ts"
import type { Capabilities } from "../../../Transport.ts"
import type { Bounds } from "../../inbox/inbox.ts"
import type { Config, Hedging } from "../../lifecycle/model.ts"
import * as Limits from "../../rateLimit/limits.ts"
import * as Check from "../../model/check.ts"
import * as Options from "../../outbox/options.ts"
import * as Recipe from "../../target/recipe.ts"

/** The options of any connection, whatever its types. */
export type AnyOptions = Connection.Options<Codec.Any, unknown, unknown, unknown>

const durations = {
  dialTimeout: Duration.seconds(10),
  openTimeout: Duration.seconds(10),
  closeTimeout: Duration.seconds(5),
  startupTimeout: Duration.seconds(60)
} as const

type Durations = Pick<AnyOptions, keyof typeof durations>

const duration = (options: Durations, key: keyof typeof durations): Duration.Duration => {
  const given = options[key]
  return given === undefined ? durations[key] : Check.duration(given)
}

/** The policies that stand for themselves; the others are in the options. */
export type Dialing = Omit<Connection.Policies, keyof Changeable>

type Changeable = Pick<
  Connection.Policies,
  "outbox" | "inbox" | "hooks" | "maxMessageSize" | "compression" | "writeMark" | "openBuffer"
>

export const policiesOf = (options: AnyOptions, capabilities: Capabilities): Dialing => ({
  target: options.target as Target.Input<unknown>,
  reconnect: options.reconnect ?? Reconnect.polite,
  heartbeat: options.heartbeat ?? (capabilities.ping === false ? Heartbeat.none : capabilities.ping),
  rateLimit: options.rateLimit,
  dialTimeout: duration(options, "dialTimeout"),
  openTimeout: duration(options, "openTimeout"),
  closeTimeout: duration(options, "closeTimeout")
})

/** As many hedges as fit into the deadline of the first dial. */
const hedgingOf = (
  { dialTimeout, reconnect: { hedgeAfter } }: Dialing,
  { concurrentDials = true }: Capabilities
): Hedging => ({
  most: hedgeAfter === undefined ? 0 : Math.ceil(Check.millis(dialTimeout) / Check.millis(hedgeAfter)) - 1,
  beside: concurrentDials
})

/** What the lifecycle has to know of the options. */
export const lifecycleOf = (
  policies: Dialing,
  { endpoints }: Target.Recipe,
  capabilities: Capabilities
): Omit<Config, "connection"> => ({
  endpoints,
  retryFirst: policies.reconnect.first,
  maxAttempts: policies.reconnect.maxAttempts,
  hedging: hedgingOf(policies, capabilities)
})

/** What policies of the right kinds become: what their parts say together is checked, and the target is a recipe. */
export const checkPolicies = (
  connection: string,
  policies: Dialing,
  capabilities: Capabilities
): Result.Result<Target.Recipe<never>, InvalidOptions> => {
  const wrong =
    Reconnect.check(policies.reconnect, connection) ??
    Heartbeat.check(policies.heartbeat, capabilities, connection) ??
    (policies.rateLimit === undefined ? undefined : Limits.check(policies.rateLimit, connection))
  return wrong === undefined ? Recipe.make(connection, policies.target, capabilities) : Result.fail(wrong)
}

/** What a policy decides, and whether the default rule would. */
export const verdictOf = ({ classify }: Reconnect.Reconnect, error: ConnectionError) => {
  const decision = classify(error)
  const by: "default" | "user" = decision._tag === Reconnect.classify(error)._tag ? "default" : "user"
  return { decision, by }
}

export const startupTimeout = (options: Durations): Duration.Duration => duration(options, "startupTimeout")

const outboxDefaults = Options.settings<unknown, never>({})

type OutboxSettings<In, Out> = ReturnType<typeof Options.settings<In, Out>>

export const outbox = <In, Out>(options: Outbox.Options<In, Out> | undefined): OutboxSettings<In, Out> =>
  options === undefined ? { ...outboxDefaults, acks: undefined } : Options.settings(options)

export const inbox = <In>({ highWaterMark = 65_536, overflow = "fail" }: Inbox.Options<In> = {}): Bounds<In> => ({
  highWaterMark,
  overflow
})
