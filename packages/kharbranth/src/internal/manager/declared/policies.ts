/** The policies of a connection as plain data: what a declaration may say of each. */
import type * as Connection from "../../../Connection.ts"
import * as Heartbeat from "../../../Heartbeat.ts"
import * as Inbox from "../../../Inbox.ts"
import type * as Outbox from "../../../Outbox.ts"
import * as RateLimit from "../../../RateLimit.ts"
import * as Reconnect from "../../../Reconnect.ts"
import { backpressure, type Capabilities, httpHeaders } from "../../../Transport.ts"
import { isBoolean, isFinite, isString, isWhole, type Reader } from "./fields.ts"

// Whether the transport can ping is found out when the connection is made.
const anything: Capabilities = { ping: Heartbeat.ping(), pause: backpressure, headers: httpHeaders, bytes: true }

const names = <const A extends string>(...all: ReadonlyArray<A>): Readonly<Record<string, A>> =>
  Object.fromEntries(all.map((name) => [name, name]))

const kinds = names("ping", "text", "json", "passive", "none")

export const heartbeat = (top: Reader): Heartbeat.Heartbeat | undefined => {
  const before = top.faults.length
  const reader = top.within("heartbeat")
  if (reader === undefined) return undefined
  reader.only(["kind", "every", "timeout", "maxMissed", "onlyWhenIdle", "idle", "data", "probe", "pulse", "contains"])
  const made = heartbeatOf(reader)
  if (made !== undefined) top.checked(Heartbeat.check(made, anything, top.name), before)
  return made
}

const heartbeatOf = (reader: Reader): Heartbeat.Heartbeat | undefined => {
  const kind = reader.choice("kind", kinds) ?? "ping"
  const data = dataClock(reader.within("data"))
  const idle = reader.duration("idle")
  const options: Heartbeat.ProbeOptions = {
    every: reader.duration("every"),
    timeout: reader.lasting("timeout"),
    maxMissed: reader.count("maxMissed"),
    onlyWhenIdle: reader.read("onlyWhenIdle", "true or false", isBoolean),
    idle,
    data
  }
  switch (kind) {
    case "none":
      return Heartbeat.none
    case "ping":
      return Heartbeat.ping(options)
    case "passive":
      return idle === undefined ? reader.fault(["idle"], "expected a duration") : Heartbeat.passive({ idle, data })
    case "text":
      return Heartbeat.text({
        ...options,
        probe: reader.read("probe", "the text to send", isString),
        pulse: reader.read("pulse", "the text that answers", isString)
      })
    case "json":
      return jsonHeartbeat(reader, options)
  }
}

const dataClock = (reader: Reader | undefined) => {
  if (reader === undefined) return undefined
  reader.only(["within"])
  const within = reader.duration("within")
  return within === undefined ? undefined : { within }
}

const isJson = (u: unknown): u is unknown => u !== undefined

const jsonHeartbeat = (reader: Reader, options: Heartbeat.ProbeOptions): Heartbeat.Heartbeat | undefined => {
  const probe = reader.read("probe", "the message to send", isJson)
  const pulse = reader.read("pulse", "what every answer contains", isJson)
  const contains = reader.read("contains", "a text that every answer contains", isString)
  if (probe === undefined) return reader.fault(["probe"], "expected the message to send")
  if (pulse === undefined) return reader.fault(["pulse"], "expected what every answer contains")
  return Heartbeat.json({ ...options, contains, make: () => probe, match: (message) => holds(message, pulse) })
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

/** The numbers of an exponential backoff. */
const exponents = ["base", "factor", "cap", "jitter"]

export const reconnect = (top: Reader): Reconnect.Reconnect | undefined => {
  if (!top.isObject("reconnect")) return top.choice("reconnect", presets)
  const before = top.faults.length
  const reader = top.within("reconnect")
  if (reader === undefined) return undefined
  const kind = reader.choice("kind", names("polite", "prompt", "none", "exponential")) ?? "polite"
  const preset = kind === "exponential" ? undefined : presets[kind]
  reader.only(["kind", "maxAttempts", "stableAfter", "hedgeAfter", "first", ...(preset === undefined ? exponents : [])])
  const common = {
    maxAttempts: reader.count("maxAttempts"),
    stableAfter: reader.duration("stableAfter"),
    hedgeAfter: reader.duration("hedgeAfter"),
    first: reader.read("first", "true or false", isBoolean) ?? preset?.first
  }
  const made =
    preset === undefined
      ? Reconnect.exponential({
          ...common,
          base: reader.duration("base"),
          factor: reader.read("factor", "a number", isFinite),
          cap: reader.duration("cap"),
          jitter: reader.read("jitter", "a number", isFinite)
        })
      : Reconnect.make({ ...common, schedule: preset.schedule })
  top.checked(Reconnect.check(made, top.name), before)
  return made
}

export const rateLimit = (top: Reader): ReadonlyArray<RateLimit.RateLimit> | undefined => {
  return top.each("rateLimit")?.map((reader) => {
    const before = top.faults.length
    reader.only(["limit", "window", "minGap", "reserve", "pongs", "scope"])
    const limit = RateLimit.make({
      limit: reader.read("limit", "a number", isFinite),
      window: reader.duration("window"),
      minGap: reader.duration("minGap"),
      reserve: reader.read("reserve", "a number", isFinite),
      pongs: reader.read("pongs", "true or false", isBoolean),
      scope: reader.choice("scope", names("session", "connection"))
    })
    reader.checked(limit.check(top.name, []), before)
    return limit
  })
}

export const rotate = (top: Reader): Connection.Rotate | undefined => {
  const reader = top.within("rotate")
  if (reader === undefined) return undefined
  reader.only(["maxAge", "before", "mode", "overlap"])
  return {
    maxAge: reader.duration("maxAge"),
    before: reader.duration("before"),
    mode: reader.choice("mode", names("makeFirst", "breakFirst")),
    overlap: reader.duration("overlap")
  }
}

export const inbox = (top: Reader): Inbox.Options<unknown> | undefined => {
  const reader = top.within("inbox")
  if (reader === undefined) return undefined
  reader.only(["highWaterMark", "maxStall", "overflow"])
  const bounds = { highWaterMark: reader.count("highWaterMark"), maxStall: reader.duration("maxStall") }
  const overflow = reader.choice("overflow", names("fail", "dropOldest", "dropNewest"))
  return { ...bounds, overflow: overflow === "dropNewest" ? { shed: Inbox.dropNewest } : overflow }
}

export const outbox = (top: Reader): Outbox.Options<unknown, never> | undefined => {
  const reader = top.within("outbox")
  if (reader === undefined) return undefined
  reader.only(["capacity", "maxBytes", "overflow", "whenDown", "ttl", "maxReplays"])
  return {
    capacity: reader.count("capacity"),
    maxBytes: reader.count("maxBytes"),
    overflow: reader.choice("overflow", names("suspend", "dropOldest", "dropNewest", "fail")),
    whenDown: reader.choice("whenDown", names("hold", "fail", "drop")),
    ttl: reader.lasting("ttl"),
    maxReplays: reader.read("maxReplays", "a whole number", isWhole)
  }
}
