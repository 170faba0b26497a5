/**
 * Proves that no option of a connection, of what it is made of, or of one
 * message takes what it cannot use. The table below says what each option takes,
 * apart from the source; the compiler holds its names against the public types.
 * Every bad value, unknown name and unknown word is refused by `Connection.make`,
 * by a manager, and where it is plain data in a configuration, with the path of
 * the option, what was given, and the nearest right name. No text is repeated.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import { InvalidOptions } from "kharbranth/ConnectionError"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Inbox from "kharbranth/Inbox"
import * as Outbox from "kharbranth/Outbox"
import * as RateLimit from "kharbranth/RateLimit"
import * as Reconnect from "kharbranth/Reconnect"
import type { Hooks } from "kharbranth/Session"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Light from "../../src/internal/options/light.ts"

const target = "wss://peer.example/ws"

const objects: ReadonlyArray<unknown> = [{}, [], { planted: 1 }]
const words: ReadonlyArray<unknown> = ["", "planted"]
const functions: ReadonlyArray<unknown> = [() => "planted"]
const always: ReadonlyArray<unknown> = [null, Symbol("planted")]

const nothingElse = [...always, 5, true, 5n, ...words, ...objects, ...functions]

/** What an option of each kind refuses, and what it takes. */
const kinds = {
  duration: {
    bad: [...always, 0, -1, NaN, Infinity, true, "Infinity", ...words, ...objects, ...functions],
    good: [1, "2 seconds", Duration.seconds(3)]
  },
  lasting: {
    bad: [...always, 0, -1, NaN, true, ...words, ...objects, ...functions],
    good: [1, "2 seconds", "Infinity", Duration.infinity]
  },
  idle: { bad: [...always, 0, -1, true, ...words, ...objects, ...functions], good: ["1 hour"] },
  cap: { bad: [...always, 0, -1, true, ...words, ...objects, ...functions], good: ["1 hour"] },
  every: { bad: [...always, 0, -1, true, ...words, ...objects], good: [1, Schedule.spaced("1 second")] },
  whole: { bad: [...always, 0, -1, 1.5, NaN, Infinity, true, "5", ...words, ...objects], good: [1, 7] },
  count: { bad: [...always, -1, 1.5, NaN, true, "5", ...objects], good: [0, 7] },
  bool: { bad: [...always, 0, 1, "true", ...objects], good: [true, false] },
  func: { bad: [...always, 5, true, "planted", ...objects], good: functions },
  string: { bad: [...always, 5, true, ...objects, ...functions], good: ["a", ""] },
  strings: { bad: [...always, 5, "planted", {}, [1], ["a", null], ...functions], good: [[], ["a"]] },
  pulse: { bad: [...always, 5, true, ...objects], good: ["a", ...functions] },
  finite: { bad: [...always, NaN, Infinity, "5", ...objects], good: [0, -3, 1.5] },
  factor: { bad: [...always, 0.5, NaN, Infinity, "2", ...objects], good: [1, 2.5] },
  share: { bad: [...always, -0.1, 1.1, NaN, "1", ...objects], good: [0, 0.5, 1] },
  schedule: { bad: nothingElse, good: [Schedule.recurs(2)] },
  options: { bad: [...always, 5, true, "planted", [], ...functions], good: [{}] },
  codec: { bad: nothingElse, good: [Codec.json] },
  heartbeat: { bad: nothingElse, good: [Heartbeat.none] },
  reconnect: { bad: nothingElse, good: [Reconnect.prompt] },
  limits: { bad: [...always, 5, "planted", {}, ...functions], good: [[], RateLimit.make({ minGap: 1 })] },
  window: { bad: nothingElse, good: [Connection.rotationWindow(() => true)] },
  acks: { bad: [...always, 5, true, "planted", [], ...functions], good: [{ id: () => "a", match: () => "a" }] },
  data: { bad: [...always, 5, true, "planted", [], ...functions], good: [{ within: "1 hour" }] },
  replay: { bad: nothingElse, good: [Outbox.ifUnknown] },
  transport: { bad: nothingElse, good: [] },
  target: { bad: [...always, 5, "planted", [], {}], good: [target] },
  shed: {
    bad: [...nothingElse, { shed: "dropNewest" }, { shed: Inbox.conflate }, { shed: Inbox.conflate, key: "id" }],
    good: ["fail", { shed: Inbox.dropNewest }, { shed: Inbox.conflate, key: () => 1 }]
  }
} as const

type Kind = keyof typeof kinds
/** A kind, or the words that an option takes. */
type Takes = Kind | ReadonlyArray<string>

type Table<Options> = { readonly [Name in keyof Required<Options>]: Takes }

type OutboxOptions = Outbox.Options<unknown, unknown>

const outbox: Table<OutboxOptions> = {
  capacity: "whole",
  maxBytes: "whole",
  overflow: ["suspend", "dropOldest", "dropNewest", "fail"],
  whenDown: ["hold", "fail", "drop"],
  ttl: "lasting",
  maxReplays: "count",
  acks: "acks"
}

const inbox: Table<Inbox.Options<unknown>> = { highWaterMark: "whole", maxStall: "duration", overflow: "shed" }

const rotate: Table<Connection.Rotate> = {
  maxAge: "duration",
  before: "duration",
  window: "window",
  mode: ["breakFirst", "makeFirst"],
  overlap: "duration",
  dedupe: "func",
  notice: "func"
}

const hooks: Table<Hooks> = {
  onMessage: "func",
  onReconnecting: "func",
  onReconnected: "func",
  onReconnectFailed: "func",
  onOpen: "func",
  onText: "func",
  onBinary: "func",
  onPing: "func",
  onPong: "func",
  onClose: "func",
  onError: "func"
}

const connection: Table<Connection.Options<Codec.Any, unknown, unknown, unknown>> = {
  target: "target",
  codec: "codec",
  onOpen: "func",
  heartbeat: "heartbeat",
  reconnect: "reconnect",
  outbox: "options",
  inbox: "options",
  rateLimit: "limits",
  rotate: "options",
  hooks: "options",
  dialTimeout: "duration",
  openTimeout: "duration",
  openBuffer: "whole",
  closeTimeout: "duration",
  maxMessageSize: "whole",
  compression: "bool",
  writeMark: "whole",
  startup: ["await", "background", "lazy"],
  startupTimeout: "duration",
  tags: "strings",
  permit: "func"
}

const managed: Table<ConnectionManager.Managed> = {
  egress: "string",
  transport: "transport",
  budget: "strings",
  priority: "finite"
}

const watching: Table<Heartbeat.WatchOptions> = { idle: "idle", data: "data" }

const probing: Table<Heartbeat.ProbeOptions> = {
  ...watching,
  every: "every",
  timeout: "lasting",
  maxMissed: "whole",
  onlyWhenIdle: "bool"
}

const policy: Table<Reconnect.Options> = {
  schedule: "schedule",
  stableAfter: "duration",
  hedgeAfter: "duration",
  classify: "func",
  first: "bool",
  maxAttempts: "whole"
}

const { schedule: _, ...exponential } = policy

const limit: Table<RateLimit.SharedOptions> = {
  limit: "whole",
  window: "duration",
  minGap: "duration",
  reserve: "count",
  pongs: "bool"
}

const match = () => true

/** A set of options: where it stands, what every case of it needs besides, and how it becomes options of a connection. */
interface Place {
  readonly path: string
  readonly table: Readonly<Record<string, Takes>>
  readonly needed?: object
  readonly wrap: (options: object) => object
}

const within = (path: string, table: Place["table"]): Place => ({ path, table, wrap: (value) => ({ [path]: value }) })

const beating = (table: Place["table"], make: (options: never) => Heartbeat.Heartbeat, needed: object = {}): Place => ({
  path: "heartbeat",
  table,
  needed,
  wrap: (options) => ({ heartbeat: make(options as never) })
})

const places: Readonly<Record<string, Place>> = {
  "outbox": within("outbox", outbox),
  "outbox.acks": {
    path: "outbox.acks",
    table: { id: "func", match: "func" },
    needed: { id: match, match },
    wrap: (acks) => ({ outbox: { acks } })
  },
  "inbox": within("inbox", inbox),
  "rotate": within("rotate", rotate),
  "hooks": within("hooks", hooks),
  "Heartbeat.ping": beating(probing, Heartbeat.ping),
  "Heartbeat.frame": beating({ ...probing, make: "func", match: "func" }, Heartbeat.frame, { make: String, match }),
  "Heartbeat.text": beating({ ...probing, probe: "string", pulse: "pulse" }, Heartbeat.text),
  "Heartbeat.json": beating({ ...probing, make: "func", match: "func", contains: "string" }, Heartbeat.json, {
    make: String,
    match
  }),
  "Heartbeat.challenge": beating({ ...watching, match: "func", reply: "func" }, Heartbeat.challenge, {
    match,
    reply: match
  }),
  "Heartbeat.challengeJson": beating(
    { ...watching, match: "func", reply: "func", contains: "string" },
    Heartbeat.challengeJson,
    { match, reply: match }
  ),
  "Heartbeat.passive": beating(watching, Heartbeat.passive, { idle: "1 minute" }),
  "heartbeat.data": {
    path: "heartbeat.data",
    table: { within: "duration" },
    wrap: (data) => ({ heartbeat: Heartbeat.ping({ data: data as never }) })
  },
  "heartbeat of a target": {
    path: "target.heartbeat",
    table: { idle: "duration" },
    wrap: (options) => ({ target: { url: target, heartbeat: Heartbeat.passive(options as never) } })
  },
  "Reconnect.make": {
    path: "reconnect",
    table: policy,
    wrap: (options) => ({ reconnect: Reconnect.make(options) })
  },
  "Reconnect.exponential": {
    path: "reconnect",
    table: { ...exponential, base: "duration", factor: "factor", cap: "cap", jitter: "share" },
    wrap: (options) => ({ reconnect: Reconnect.exponential(options) })
  },
  "RateLimit.make": {
    path: "rateLimit",
    table: { ...limit, scope: ["session", "connection"] },
    needed: { limit: 10, window: "1 second" },
    wrap: (options) => ({ rateLimit: RateLimit.make(options) })
  },
  "RateLimit.shared": {
    path: "rateLimit.1",
    table: limit,
    needed: { limit: 10, window: "1 second" },
    wrap: (options) => ({
      rateLimit: [RateLimit.make({ minGap: 1 }), Effect.runSync(RateLimit.shared(options))]
    })
  }
}

interface Case {
  readonly given: string
  readonly path: string
  readonly options: object
  /** Part of the message. */
  readonly says: string
}

const label = (value: unknown): string =>
  typeof value === "object" && value !== null ? (JSON.stringify(value) ?? "an object") : String(value)

/** How a message describes what was given. */
const described = (value: unknown): string => {
  if (value === null) return "got null"
  if (typeof value === "number" || typeof value === "boolean") return `got ${value}`
  if (typeof value === "string") return value === "" ? "got an empty string" : "got a string"
  return typeof value === "symbol" ? "got a symbol" : "got "
}

/** Two letters in the wrong order, or one too many. */
const misspelled = (word: string): string =>
  word.length > 3 && word[1] !== word[2] ? word[0]! + word[2]! + word[1]! + word.slice(3) : `${word}x`

const badOf = (takes: Takes): ReadonlyArray<unknown> =>
  typeof takes === "string" ? kinds[takes].bad : [...nothingElse, NaN]

const goodOf = (takes: Takes): ReadonlyArray<unknown> => (typeof takes === "string" ? kinds[takes].good : takes)

const casesOf = ({ needed = {}, path, table, wrap }: Place): ReadonlyArray<Case> =>
  Object.entries(table).flatMap(([name, takes]) => {
    const at = path === "" ? name : `${path}.${name}`
    const made = (value: unknown) => wrap({ ...needed, [name]: value })
    const nearby = misspelled(name)
    const ofBad = badOf(takes).map((value): Case => ({
      given: `${name}: ${label(value)}`,
      path: at,
      options: made(value),
      says: described(value)
    }))
    const ofWords = (typeof takes === "string" ? [] : takes).map((word): Case => {
      const wrong = misspelled(word)
      return { given: `${name}: ${wrong}`, path: at, options: made(wrong), says: `did you mean "${word}"?` }
    })
    const ofName: Case = {
      given: nearby,
      path: path === "" ? nearby : `${path}.${nearby}`,
      options: wrap({ ...needed, [nearby]: "planted" }),
      says: `did you mean ${name}?`
    }
    return ofBad.concat(ofWords, [ofName])
  })

const base = { target, startup: "background" }

const top: Place = { path: "", table: connection, wrap: (options) => options }

/** What the target's own check says of it is its own. */
const ofTarget = (path: string): boolean => path === "target" || path.startsWith("target.url")

const judge = (error: unknown, { given, path, says }: Case): void => {
  if (!(error instanceof InvalidOptions)) return assert.fail(`${given}: ${String(error)}`)
  const found = error.path.join(".")
  assert.isTrue(found === path || (ofTarget(path) && ofTarget(found)), `${given}: the path is ${found}`)
  assert.include(error.message, `"peer"`, given)
  if (!ofTarget(path)) assert.include(error.message, says, given)
  assert.notInclude(error.message, "planted", given)
}

const refusedByMake = (cases: ReadonlyArray<Case>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(target)
    for (const each of cases) {
      const made = Connection.make("peer", { ...base, ...each.options } as typeof base & { startup: "background" })
      const exit = yield* Effect.exit(Effect.flip(Effect.scoped(made.pipe(network.provide))))
      if (exit._tag === "Failure")
        return assert.fail(`${each.given} was accepted, or a defect: ${Cause.pretty(exit.cause)}`)
      judge(exit.value, each)
    }
    assert.strictEqual((yield* network.history).length, 0)
  })

const refusedByManager = (cases: ReadonlyArray<Case>) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const manager = yield* ConnectionManager.make().pipe(network.provide)
    for (const each of cases) {
      const exit = yield* Effect.exit(Effect.flip(manager.connect("peer", { ...base, ...each.options } as never)))
      if (exit._tag === "Failure")
        return assert.fail(`${each.given} was accepted, or a defect: ${Cause.pretty(exit.cause)}`)
      judge(exit.value, each)
    }
    assert.deepStrictEqual(yield* manager.names, [])
  })

describe("a connection", () => {
  it.effect("refuses every bad option", () => refusedByMake(casesOf(top)))

  for (const [name, place] of Object.entries(places)) {
    it.effect(`refuses every bad option of ${name}`, () => refusedByMake(casesOf(place)))
  }

  it.effect("takes every good option", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      for (const place of [top, ...Object.values(places)]) {
        for (const [name, takes] of Object.entries(place.table)) {
          for (const value of [undefined, ...goodOf(takes)]) {
            if (value === undefined && (place.needed !== undefined || ["target", "within", "idle"].includes(name)))
              continue
            const options = { ...base, ...place.wrap({ ...place.needed, [name]: value }) }
            const exit = yield* Effect.exit(
              Effect.scoped(Connection.make("peer", options as { target: string }).pipe(network.provide))
            )
            assert.strictEqual(exit._tag, "Success", `${place.path} ${name}: ${label(value)}: ${String(exit)}`)
          }
        }
      }
    })
  )

  it.effect("takes what was spread from a policy, a limit or a heartbeat that is made", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      yield* network.serve(target)
      const limit = RateLimit.make({ limit: 5, window: "1 second" })
      const connection = yield* Connection.make("peer", {
        target,
        heartbeat: { ...Heartbeat.ping(), maxMissed: 3 },
        reconnect: Reconnect.make({ ...Reconnect.exponential({ factor: 3 }), first: false }),
        rateLimit: [RateLimit.make({ ...limit, scope: "connection", minGap: 1 }), { ...limit, reserve: 2 }]
      }).pipe(network.provide)
      yield* connection.awaitReady
    })
  )

  it.effect("refuses a name that is none, and options that are none", () =>
    Effect.gen(function* () {
      const network = yield* TestNetwork.make()
      for (const name of [undefined, null, 5, "", {}]) {
        const made = Connection.make(name as string, base as { target: string }).pipe(network.provide)
        const error = yield* Effect.flip(Effect.scoped(made))
        assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), "name")
      }
      for (const options of [undefined, null, 5, "planted", []]) {
        const made = Connection.make("peer", options as never).pipe(network.provide)
        const error = yield* Effect.flip(Effect.scoped(made))
        assert.strictEqual(error._tag === "InvalidOptions" && error.path.join("."), "options")
      }
    })
  )
})

describe("a manager", () => {
  it.effect("refuses every bad option", () =>
    refusedByManager([top, { ...top, table: managed }].flatMap(casesOf).filter(({ path }) => !ofTarget(path)))
  )

  for (const [name, place] of Object.entries(places)) {
    it.effect(`refuses every bad option of ${name}`, () => refusedByManager(casesOf(place)))
  }
})

describe("a configuration", () => {
  /** Kinds that JSON has, and that a declaration takes as code does. */
  const plain: ReadonlySet<Takes> = new Set([
    "duration",
    "idle",
    "cap",
    "lasting",
    "whole",
    "count",
    "bool",
    "string",
    "strings",
    "finite",
    "factor",
    "share",
    "options",
    "data"
  ])
  const isPlain = ([, takes]: readonly [string, Takes]) => typeof takes !== "string" || plain.has(takes)
  const onlyPlain = (table: Place["table"]) => Object.fromEntries(Object.entries(table).filter(isPlain))
  const beat = { ...onlyPlain(probing), every: "duration" } as const
  const { hooks: _hooks, startup: _startup, startupTimeout: _timeout, ...shared } = onlyPlain(connection)
  const as = (path: string, table: Place["table"], more: object = {}): Place => ({
    path,
    table: onlyPlain(table),
    wrap: (options) => ({ [path]: { ...more, ...options } })
  })
  const declared: ReadonlyArray<Place> = [
    {
      ...top,
      table: { ...shared, egress: "string", budget: "strings", priority: "finite", startup: ["background", "lazy"] }
    },
    as("outbox", outbox),
    as("inbox", { ...inbox, overflow: ["fail", "dropOldest", "dropNewest"] }),
    as("rotate", rotate),
    as("heartbeat", beat),
    as("heartbeat", { ...beat, probe: "string", pulse: "string" }, { kind: "text" }),
    as("heartbeat", { ...beat, contains: "string" }, { kind: "json", probe: 1, pulse: 2 }),
    as("heartbeat", watching, { kind: "passive", idle: "1 minute" }),
    as("reconnect", policy),
    as("reconnect", places["Reconnect.exponential"]!.table, { kind: "exponential" }),
    as("rateLimit", places["RateLimit.make"]!.table, { limit: 10, window: "1 second" })
  ]

  it("refuses every bad option, by the same words as code", () => {
    for (const each of declared.flatMap(casesOf)) {
      const parsed = ConnectionManager.parse({ connections: { peer: { url: target, ...each.options } } })
      if (parsed._tag === "Success") return assert.fail(`${each.path} ${each.given} was accepted`)
      const [fault] = parsed.failure
      judge(fault!, { ...each, path: `connections.peer.${each.path}` })
    }
  })

  it("takes every good option", () => {
    for (const { table, wrap } of declared) {
      for (const [name, takes] of Object.entries(table)) {
        for (const value of goodOf(takes)) {
          const fields = { url: target, ...wrap({ [name]: value }) }
          const parsed = ConnectionManager.parse({ connections: { peer: fields } })
          assert.strictEqual(parsed._tag, "Success", `${label(fields)} ${label(parsed)}`)
        }
      }
    }
  })
})

describe("a page's production build", () => {
  it("still refuses bad numbers and durations", () => {
    const numbers: ReadonlySet<Takes> = new Set(["duration", "lasting", "whole", "count"])
    let refused = 0
    for (const place of [top, places["outbox"]!, places["inbox"]!, places["rotate"]!]) {
      const table = Object.fromEntries(Object.entries(place.table).filter(([, takes]) => numbers.has(takes)))
      for (const each of casesOf({ ...place, table }).filter(({ says }) => !says.startsWith("did you mean"))) {
        const error = Light.connection("peer", { ...base, ...each.options })
        assert.strictEqual(error?.path.join("."), each.path, each.given)
        refused += 1
      }
    }
    assert.isAtLeast(refused, 150)
    assert.strictEqual(Light.connection("peer", base), undefined)
  })
})

const sendOptions: Table<Outbox.SendOptions> = {
  whenDown: ["hold", "fail", "drop"],
  ttl: "lasting",
  key: "string",
  lane: ["control", "data"],
  replay: "replay"
}

describe("one call", () => {
  const connected = Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(target, TestNetwork.echo)
    return yield* Connection.make("peer", { target, codec: Codec.text }).pipe(network.provide)
  })

  const calls: Readonly<
    Record<
      string,
      readonly [
        Place["table"],
        (self: Connection.Connection<string, string>, options: never) => Effect.Effect<unknown, unknown, any>
      ]
    >
  > = {
    send: [sendOptions, (self, options) => self.send("a", options)],
    track: [sendOptions, (self, options) => Connection.track(self, "a", options)],
    restart: [{ mode: ["breakFirst", "makeFirst"], reason: "string" }, (self, options) => self.restart(options)],
    broadcast: [
      { capacity: "whole", strategy: ["suspend", "dropOldest"] },
      (self, options) => Connection.broadcast(self, options)
    ]
  }

  for (const [name, [table, call]] of Object.entries(calls)) {
    it.effect(`${name} refuses every bad option, and still works`, () =>
      Effect.gen(function* () {
        const connection = yield* connected
        for (const each of casesOf({ path: "", table, wrap: (options) => options })) {
          const exit = yield* Effect.exit(Effect.flip(Effect.scoped(call(connection, each.options as never))))
          if (exit._tag === "Failure")
            return assert.fail(`${each.given} was accepted, or a defect: ${Cause.pretty(exit.cause)}`)
          judge(exit.value, each)
        }
        yield* connection.send("fine", {
          whenDown: "fail",
          ttl: "Infinity",
          key: "a",
          lane: "control",
          replay: Outbox.ifUnknown
        })
        assert.strictEqual(yield* connection.receive, "fine")
      })
    )
  }
})
