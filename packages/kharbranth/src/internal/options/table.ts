/**
 * The table of options: the name of each, and what it takes. What is made by a
 * constructor, such as a heartbeat, carries the options that it was made from,
 * and is looked into as if they stood in its place.
 */
import * as Effect from "effect/Effect"
import { duration, lasting, whole } from "./kinds.ts"
import * as Ranges from "./ranges.ts"
import {
  anything,
  bool,
  every,
  type Fields,
  finite,
  func,
  isObject,
  object,
  oneOrMany,
  or,
  required,
  schedule,
  type Shape,
  string,
  strings,
  words
} from "./shapes.ts"

/** What a constructor leaves of itself in what it makes. */
interface Made {
  readonly by: string
  readonly options: unknown
}

/** A value that constructors make: which of them, what it has, and what they take. */
const made = (expected: string, has: Fields, constructors: Readonly<Record<string, Fields>>): Shape => ({
  expected,
  is: (value) =>
    isObject(value) && (isObject(value["from"]) || Object.entries(has).every(([key, shape]) => shape.is(value[key]))),
  fields: (value) => {
    const { from } = value as { readonly from?: Made | undefined }
    return from === undefined ? [] : [{ fields: constructors[from.by] ?? {}, value: from.options }]
  }
})

// --- heartbeats ----------------------------------------------------------------

const watching: Fields = { idle: duration, data: object({ within: required(duration) }) }

const probing: Fields = { every, timeout: lasting, maxMissed: whole(1), onlyWhenIdle: bool, ...watching }

/** Every constructor of a heartbeat. */
export const heartbeats = {
  ping: probing,
  frame: { ...probing, make: required(func), match: required(func) },
  text: { ...probing, probe: string, pulse: or(string, func) },
  json: { ...probing, make: required(func), match: required(func), contains: string },
  challenge: { ...watching, match: required(func), reply: required(func) },
  challengeJson: { ...watching, match: required(func), reply: required(func), contains: string },
  passive: { ...watching, idle: required(duration) }
} as const satisfies Readonly<Record<string, Fields>>

const probe: Shape = { expected: "a probe", is: (value) => isObject(value) && typeof value["_tag"] === "string" }

const heartbeat = made("a heartbeat, such as Heartbeat.ping()", { probe }, heartbeats)

// --- reconnecting --------------------------------------------------------------

/** What a made policy has besides: `Reconnect.make({ ...Reconnect.prompt, first: false })` spreads one. */
const spread: Fields = { from: anything, check: anything }

const policy: Fields = {
  ...spread,
  stableAfter: duration,
  hedgeAfter: duration,
  classify: func,
  first: bool,
  maxAttempts: whole(1)
}

const share: Shape = {
  expected: "a number from 0 (no chance) to 1 (all chance)",
  is: (value) => typeof value === "number" && value >= 0 && value <= 1
}

const factor: Shape = {
  expected: "a number of at least 1",
  is: (value) => typeof value === "number" && value >= 1 && value < Infinity
}

/** Every constructor of a policy. */
export const reconnects = {
  make: { ...policy, schedule },
  exponential: { ...policy, base: duration, factor, cap: duration, jitter: share }
} as const satisfies Readonly<Record<string, Fields>>

const reconnect = made("a policy, such as Reconnect.polite", { schedule, classify: func }, reconnects)

// --- rate limits ---------------------------------------------------------------

const shared: Fields = {
  ...spread,
  meter: func,
  meters: func,
  limit: whole(1),
  window: duration,
  minGap: duration,
  reserve: whole(0),
  pongs: bool
}

/** Every constructor of a limit. */
export const rateLimits = {
  make: { ...shared, scope: words("session", "connection") },
  shared
} as const satisfies Readonly<Record<string, Fields>>

const rateLimit = oneOrMany(made("a limit from RateLimit.make", { check: func, meters: func }, rateLimits))

// --- the two hot paths ---------------------------------------------------------

/** A way of dropping messages, which may need a key. */
const isShedding = (value: unknown): boolean =>
  isObject(value) &&
  typeof value["shed"] === "function" &&
  (!("keyed" in value["shed"]) || typeof value["key"] === "function")

const plainOverflow = words("fail", "dropOldest")

const overflow: Shape = {
  ...plainOverflow,
  expected: '"fail", "dropOldest", { shed: Inbox.dropNewest } or { shed: Inbox.conflate, key }',
  is: (value) => plainOverflow.is(value) || isShedding(value)
}

export const inbox: Fields = { ...Ranges.inbox, overflow }

const whenDown = words("hold", "fail", "drop")

const acks = object({ id: required(func), match: required(func) }, "an object with `id` and `match`")

export const outbox: Fields = {
  ...Ranges.outbox,
  overflow: words("suspend", "dropOldest", "dropNewest", "fail"),
  whenDown,
  acks
}

/** What is said of one message. */
export const send: Fields = {
  whenDown,
  ttl: lasting,
  key: string,
  lane: words("control", "data"),
  replay: { expected: "Outbox.ifUnknown", is: (value) => isObject(value) && value["_tag"] === "ifUnknown" }
}

// --- a connection --------------------------------------------------------------

const codec: Shape = {
  expected: "a codec, such as Codec.json or one from Codec.make",
  is: (value) => isObject(value) && typeof value["encode"] === "function" && typeof value["decoder"] === "function"
}

/** Only names are looked at here: the room `target` checks the values, which may come at each dial. */
const place: Fields = {
  url: anything,
  subprotocols: anything,
  headers: anything,
  expiresAt: anything,
  heartbeat: { ...anything, fields: (value) => (heartbeat.is(value) ? (heartbeat.fields?.(value) ?? []) : []) }
}

const target: Shape = {
  ...anything,
  required: true,
  fields: (value) =>
    isObject(value) && !(value instanceof URL) && !Effect.isEffect(value) ? [{ fields: place, value }] : []
}

const mode = words("breakFirst", "makeFirst")

export const rotate: Fields = {
  ...Ranges.rotate,
  window: {
    expected: "a window from Connection.rotationWindow",
    is: (value) => isObject(value) && func.is(value["choose"])
  },
  mode,
  dedupe: func,
  notice: func
}

const hooks: Fields = {
  onMessage: func,
  onReconnecting: func,
  onReconnected: func,
  onReconnectFailed: func,
  onOpen: func,
  onText: func,
  onBinary: func,
  onPing: func,
  onPong: func,
  onClose: func,
  onError: func
}

export const connection: Fields = {
  ...Ranges.connection,
  compression: bool,
  target,
  codec,
  onOpen: func,
  heartbeat,
  reconnect,
  outbox: object(outbox),
  inbox: object(inbox),
  rateLimit,
  rotate: object(rotate),
  hooks: object(hooks),
  startup: words("await", "background", "lazy"),
  tags: strings,
  permit: func
}

/** An option that a connection keeps. */
const fixed: Shape = { expected: "no change: it stays as it was when the connection was made", is: () => false }

const kept = (...names: ReadonlyArray<string>): Fields => Object.fromEntries(names.map((name) => [name, fixed]))

/** What `update` may change. */
export const policies: Fields = {
  ...connection,
  ...kept("codec", "onOpen", "rotate", "startup", "startupTimeout", "tags", "permit"),
  outbox: object({ ...outbox, ...kept("acks") })
}

/** A connection that is opened by name. */
export const managed: Fields = {
  ...connection,
  egress: string,
  transport: { expected: "a transport", is: (value) => isObject(value) && func.is(value["dial"]) },
  budget: strings,
  priority: finite
}

/** What `restart` takes. */
export const restart: Fields = { mode, reason: string }

/** What `broadcast` takes. */
export const broadcast: Fields = { capacity: whole(1), strategy: words("suspend", "dropOldest") }
