/**
 * Connections declared as data. Every fault is reported with its path, and no
 * value of the configuration is ever repeated: it may be a secret.
 */
import type * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import * as Codec from "../../../Codec.ts"
import type { InvalidOptions } from "../../../ConnectionError.ts"
import type { Rotate } from "../../../Connection.ts"
import type { Session } from "../../../Session.ts"
import type { Managed } from "../../../ConnectionManager.ts"
import type * as Heartbeat from "../../../Heartbeat.ts"
import type * as Inbox from "../../../Inbox.ts"
import type * as Outbox from "../../../Outbox.ts"
import type { RateLimit } from "../../../RateLimit.ts"
import type * as Reconnect from "../../../Reconnect.ts"
import * as Target from "../../../Target.ts"
import * as Effect from "effect/Effect"
import * as Policies from "./policies.ts"
import { Raw } from "../rawCodec.ts"
import { type Fields, isFields, isFinite, isHeaders, isString, isUrl, Reader } from "./fields.ts"
import { invalid } from "../../model/check.ts"

export interface Declaration extends Managed {
  readonly name: string
  readonly tags: ReadonlyArray<string> | undefined
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
  readonly openBuffer: number | undefined
  readonly writeMark: number | undefined
  readonly rateLimit: ReadonlyArray<RateLimit> | undefined
  readonly rotate: Rotate | undefined
  readonly inbox: Inbox.Options<unknown> | undefined
  readonly outbox: Outbox.Options<unknown, never> | undefined
}

const codecs = { frames: Codec.frames, text: Codec.text, bytes: Codec.bytes, json: Codec.json } as const

const bytes = "a whole number of bytes"

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
  "openBuffer",
  "writeMark",
  "rateLimit",
  "rotate",
  "inbox",
  "outbox",
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
    heartbeat: Policies.heartbeat(reader),
    reconnect: Policies.reconnect(reader),
    writeOnInit: reader.strings("writeOnInit") ?? [],
    startup: reader.choice("startup", { background: "background", lazy: "lazy" } as const) ?? "background",
    dialTimeout: reader.duration("dialTimeout"),
    openTimeout: reader.duration("openTimeout"),
    closeTimeout: reader.duration("closeTimeout"),
    maxMessageSize: reader.count("maxMessageSize", bytes),
    openBuffer: reader.count("openBuffer", bytes),
    writeMark: reader.count("writeMark", bytes),
    rateLimit: Policies.rateLimit(reader),
    rotate: Policies.rotate(reader),
    inbox: Policies.inbox(reader),
    outbox: Policies.outbox(reader),
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
