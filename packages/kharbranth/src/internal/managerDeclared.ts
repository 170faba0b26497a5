/**
 * Connections declared as data. Every fault is reported with its path, and no
 * value of the configuration is ever repeated: it may be a secret.
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Codec from "../Codec.ts"
import type { InvalidOptions } from "../ConnectionError.ts"
import type { Session } from "../Connection.ts"
import type { Managed } from "../ConnectionManager.ts"
import * as Heartbeat from "../Heartbeat.ts"
import * as Reconnect from "../Reconnect.ts"
import * as Target from "../Target.ts"
import * as Effect from "effect/Effect"
import { Raw } from "./managerRaw.ts"
import { invalid, type Path } from "./options.ts"

export interface Declaration extends Managed {
  readonly name: string
  readonly target: Target.Options
  readonly codec: Codec.Codec<unknown, never>
  readonly heartbeat: Heartbeat.Heartbeat | undefined
  readonly reconnect: Reconnect.Reconnect | undefined
  /** Frames written on every session before it is Ready. */
  readonly writeOnInit: ReadonlyArray<string>
  readonly startup: "background" | "lazy"
  readonly dialTimeout: Duration.Duration | undefined
  readonly openTimeout: Duration.Duration | undefined
  readonly closeTimeout: Duration.Duration | undefined
  readonly maxMessageSize: number | undefined
}

type Fields = Readonly<Record<string, unknown>>

const isFields = (u: unknown): u is Fields => typeof u === "object" && u !== null && !Array.isArray(u)

/** Reads fields and collects what is wrong with them. */
class Reader {
  readonly faults: Array<InvalidOptions>
  private readonly name: string
  private readonly path: Path
  private readonly fields: Fields

  constructor(name: string, path: Path, fields: Fields, faults: Array<InvalidOptions>) {
    this.name = name
    this.path = path
    this.fields = fields
    this.faults = faults
  }

  fault(path: Path, issue: string): undefined {
    this.faults.push(invalid(this.name, [...this.path, ...path], issue))
    return undefined
  }

  only(keys: ReadonlyArray<string>): void {
    for (const key of Object.keys(this.fields)) {
      if (!keys.includes(key)) this.fault([key], `no such option; there are ${keys.join(", ")}`)
    }
  }

  read<A>(key: string, expected: string, is: (u: unknown) => u is A): A | undefined {
    const value = this.fields[key]
    if (value === undefined || value === null) return undefined
    return is(value) ? value : this.fault([key], `expected ${expected}`)
  }

  choice<A>(key: string, choices: Readonly<Record<string, A>>): A | undefined {
    const names = Object.keys(choices)
    const expected = names.map((name) => `"${name}"`).join(" or ")
    const name = this.read(key, expected, (u): u is string => typeof u === "string" && names.includes(u))
    return name === undefined ? undefined : choices[name]
  }

  duration(key: string): Duration.Duration | undefined {
    const value = this.read(key, 'milliseconds, or a duration such as "10 seconds"', isDuration)
    return value === undefined ? undefined : Duration.fromInputUnsafe(value)
  }

  strings(key: string): ReadonlyArray<string> | undefined {
    return this.read(key, "an array of strings", isStrings)
  }

  within(key: string): Reader | undefined {
    const value = this.read(key, "an object", isFields)
    return value === undefined ? undefined : new Reader(this.name, [...this.path, key], value, this.faults)
  }
}

const isString = (u: unknown): u is string => typeof u === "string"
const isStrings = (u: unknown): u is ReadonlyArray<string> => Array.isArray(u) && u.every(isString)
const isCount = (u: unknown): u is number => Number.isSafeInteger(u) && (u as number) > 0
const isFinite = (u: unknown): u is number => Number.isFinite(u)
const isUrl = (u: unknown): u is string | ReadonlyArray<string> => isString(u) || (isStrings(u) && u.length > 0)
const isHeaders = (u: unknown): u is Readonly<Record<string, string>> => isFields(u) && Object.values(u).every(isString)

const isDuration = (u: unknown): u is Duration.Input => {
  const parsed = isString(u) || isFinite(u) ? Duration.fromInput(u as Duration.Input) : Option.none()
  return Option.isSome(parsed) && Duration.isFinite(parsed.value) && Duration.toMillis(parsed.value) > 0
}

const codecs = { frames: Codec.frames, text: Codec.text, bytes: Codec.bytes, json: Codec.json } as const

const reconnects = { polite: Reconnect.polite, prompt: Reconnect.prompt, none: Reconnect.none } as const

const heartbeat = (reader: Reader | undefined): Heartbeat.Heartbeat | undefined => {
  if (reader === undefined) return undefined
  reader.only(["kind", "every", "timeout", "idle", "probe", "pulse"])
  const kind = reader.choice("kind", { ping: "ping", text: "text", passive: "passive", none: "none" }) ?? "ping"
  const [every, timeout, idle] = [reader.duration("every"), reader.duration("timeout"), reader.duration("idle")]
  if (kind === "none") return Heartbeat.none
  if (kind === "ping") return Heartbeat.ping({ every, timeout, idle })
  if (kind === "passive")
    return idle === undefined ? reader.fault(["idle"], "expected a duration") : Heartbeat.passive({ idle })
  return Heartbeat.text({
    every,
    timeout,
    idle,
    probe: reader.read("probe", "the text to send", isString),
    pulse: reader.read("pulse", "the text that answers", isString)
  })
}

const options = [
  "url",
  "subprotocols",
  "headers",
  "codec",
  "heartbeat",
  "reconnect",
  "writeOnInit",
  "startup",
  "dialTimeout",
  "openTimeout",
  "closeTimeout",
  "maxMessageSize",
  "tags",
  "egress",
  "budget",
  "priority"
]

const targetOf = (name: string, reader: Reader): Target.Options => {
  const target = {
    url: reader.read("url", "a url, or a list of them", isUrl) ?? "wss://missing",
    subprotocols: reader.strings("subprotocols"),
    headers: reader.read("headers", "an object of strings", isHeaders)
  }
  const made = Target.make(name, target)
  if (Result.isFailure(made)) reader.fault(made.failure.path.slice(1), made.failure.issue)
  return target
}

const declaration = (name: string, reader: Reader, fields: Fields): Declaration => {
  reader.only(options)
  if (fields["url"] === undefined) reader.fault(["url"], "expected a url, or a list of them")
  return {
    name,
    target: targetOf(name, reader),
    codec: reader.choice("codec", codecs) ?? Codec.frames,
    heartbeat: heartbeat(reader.within("heartbeat")),
    reconnect: reader.choice("reconnect", reconnects),
    writeOnInit: reader.strings("writeOnInit") ?? [],
    startup: reader.choice("startup", { background: "background", lazy: "lazy" } as const) ?? "background",
    dialTimeout: reader.duration("dialTimeout"),
    openTimeout: reader.duration("openTimeout"),
    closeTimeout: reader.duration("closeTimeout"),
    maxMessageSize: reader.read("maxMessageSize", "a whole number of bytes", isCount),
    tags: reader.strings("tags"),
    egress: reader.read("egress", "a string", isString),
    budget: reader.strings("budget"),
    priority: reader.read("priority", "a number", isFinite)
  }
}

const whole = "configuration"

export const parse = (
  configuration: unknown
): Result.Result<ReadonlyArray<Declaration>, ReadonlyArray<InvalidOptions>> => {
  const faults: Array<InvalidOptions> = []
  if (!isFields(configuration)) return Result.fail([invalid(whole, [], "expected an object with `connections`")])
  const top = new Reader(whole, [], configuration, faults)
  top.only(["connections"])
  const connections = configuration["connections"]
  if (!isFields(connections)) {
    top.fault(["connections"], "expected an object of connections by name")
    return Result.fail(faults)
  }
  const declarations = Object.entries(connections).map(([name, fields]) => {
    const path = ["connections", name]
    if (name === "") faults.push(invalid(whole, path, "expected a name"))
    if (!isFields(fields)) faults.push(invalid(name, path, "expected an object with a `url`"))
    const known = isFields(fields) ? fields : { url: "wss://missing" }
    return declaration(name, new Reader(name, path, known, faults), known)
  })
  return faults.length === 0 ? Result.succeed(declarations) : Result.fail(faults)
}

/** What `connect` takes for a declaration. */
export const optionsOf = ({ writeOnInit, ...options }: Declaration) => ({
  ...options,
  ...(writeOnInit.length === 0 ? {} : { onOpen: greet(writeOnInit) })
})

const greet =
  (frames: ReadonlyArray<string>) =>
  (session: Session<unknown, never>): Effect.Effect<unknown, unknown> =>
    Effect.forEach(frames, (frame) => (session as Session<unknown, Raw>).send(new Raw(frame)), { discard: true })
