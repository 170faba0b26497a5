/** The policies of a connection, made of plain data that has been checked. */
import type * as Duration from "effect/Duration"
import * as Heartbeat from "../../../Heartbeat.ts"
import * as Inbox from "../../../Inbox.ts"
import type * as RateLimit from "../../../RateLimit.ts"
import * as Reconnect from "../../../Reconnect.ts"

/** A heartbeat as data: its kind, and what that takes. */
export interface HeartbeatData extends Omit<Heartbeat.TextOptions, "probe" | "pulse"> {
  readonly kind?: "ping" | "text" | "json" | "passive" | "none" | undefined
  readonly probe?: unknown
  readonly pulse?: unknown
  readonly contains?: string | undefined
}

export const heartbeat = ({
  contains,
  kind = "ping",
  probe,
  pulse,
  ...options
}: HeartbeatData): Heartbeat.Heartbeat => {
  switch (kind) {
    case "none":
      return Heartbeat.none
    case "ping":
      return Heartbeat.ping(options)
    case "passive":
      return Heartbeat.passive(options as { readonly idle: Duration.Input })
    case "text":
      return Heartbeat.text({ ...options, probe: probe as string | undefined, pulse: pulse as string | undefined })
    case "json":
      return Heartbeat.json({ ...options, contains, make: () => probe, match: (message) => holds(message, pulse) })
  }
}

/** Whether a message has everything that a pattern has; it may have more. */
const holds = (message: unknown, pattern: unknown): boolean => {
  if (typeof pattern !== "object" || pattern === null) return message === pattern
  if (typeof message !== "object" || message === null || Array.isArray(message) !== Array.isArray(pattern)) return false
  return Object.entries(pattern).every(
    ([key, value]) => Object.hasOwn(message, key) && holds((message as Readonly<Record<string, unknown>>)[key], value)
  )
}

const presets = { polite: Reconnect.polite, prompt: Reconnect.prompt, none: Reconnect.none } as const

/** A policy as data: a preset's name, or its kind with numbers. */
export type ReconnectData =
  | keyof typeof presets
  | (Omit<Reconnect.ExponentialOptions, "classify"> & {
      readonly kind?: keyof typeof presets | "exponential" | undefined
    })

export const reconnect = (data: ReconnectData): Reconnect.Reconnect => {
  if (typeof data === "string") return presets[data]
  const { kind = "polite", ...options } = data
  if (kind === "exponential") return Reconnect.exponential(options)
  const { first, schedule } = presets[kind]
  return Reconnect.make({ ...options, first: options.first ?? first, schedule })
}

/** One limit or several as data. */
export type RateLimitData = RateLimit.Options | ReadonlyArray<RateLimit.Options>

export const limitsOf = (data: RateLimitData): ReadonlyArray<RateLimit.Options> => [data].flat()

/** An inbox as data. */
export interface InboxData extends Omit<Inbox.Options<unknown>, "overflow"> {
  readonly overflow?: "fail" | "dropOldest" | "dropNewest" | undefined
}

export const inbox = ({ overflow, ...bounds }: InboxData): Inbox.Options<unknown> => ({
  ...bounds,
  overflow: overflow === "dropNewest" ? { shed: Inbox.dropNewest } : overflow
})
