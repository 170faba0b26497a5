/** What a declaration takes: the options of code where they are plain data, and words or objects in place of the others. */
import { duration, type Kind } from "../../options/kinds.ts"
import {
  anything,
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
} from "../../options/shapes.ts"
import * as Table from "../../options/table.ts"

/** Kinds that no JSON has. */
const live: ReadonlySet<Kind> = new Set([anything, func, schedule])

/** Those that are plain data. */
const plain = (fields: Fields, ...without: ReadonlyArray<string>): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name, shape]) => !live.has(shape) && !without.includes(name)))

/** An object whose word `kind` says which options it has. */
const byKind = (kinds: Readonly<Record<string, Fields>>, usual: string): Shape => {
  const kind = words(...Object.keys(kinds))
  return {
    ...object({}),
    fields: (value) => {
      const given = isObject(value) ? value["kind"] : undefined
      const known = kind.is(given) ? String(given) : usual
      return [{ fields: { kind, ...kinds[known] }, value }]
    }
  }
}

const json: Shape = { expected: "a value of JSON", is: (value) => value !== undefined }

const probing: Fields = { ...Table.heartbeats.ping, every: duration }

const heartbeat = byKind(
  {
    ping: probing,
    text: { ...probing, probe: string, pulse: string },
    json: { ...probing, probe: required(json), pulse: required(json), contains: string },
    passive: Table.heartbeats.passive,
    none: {}
  },
  "ping"
)

const preset = plain(Table.reconnects.make)

const reconnect = or(
  words("polite", "prompt", "none"),
  byKind({ polite: preset, prompt: preset, none: preset, exponential: plain(Table.reconnects.exponential) }, "polite")
)

const limit = oneOrMany(object(plain(Table.rateLimits.make)))

const isUrl = (value: unknown): boolean =>
  string.is(value) || (strings.is(value) && (value as Array<string>).length > 0)

const same = [
  "dialTimeout",
  "openTimeout",
  "closeTimeout",
  "maxMessageSize",
  "compression",
  "openBuffer",
  "writeMark",
  "tags"
]

export const declaration = object(
  {
    url: required({ expected: "a url, or a list of them", is: isUrl }),
    subprotocols: strings,
    headers: {
      expected: "an object of strings",
      is: (value) => isObject(value) && Object.values(value).every(string.is)
    },
    codec: words("frames", "messages", "text", "bytes", "json"),
    heartbeat,
    reconnect,
    writeOnInit: strings,
    startup: words("background", "lazy"),
    ...Object.fromEntries(same.map((name) => [name, Table.connection[name]!])),
    rateLimit: { ...limit, is: (value) => limit.is(value) && (value as Array<unknown>).length !== 0 },
    rotate: object(plain(Table.rotate, "window")),
    inbox: object({ ...Table.inbox, overflow: words("fail", "dropOldest", "dropNewest") }),
    outbox: object(plain(Table.outbox, "acks")),
    egress: string,
    budget: strings,
    priority: finite
  },
  "an object with a `url`"
)

export const configuration = object(
  { connections: required({ expected: "an object of connections by name", is: isObject }) },
  "an object with `connections`"
)
