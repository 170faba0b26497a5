/**
 * Connections declared as data. Every fault is reported with its path, and no
 * value of the configuration is ever repeated: it may be a secret.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Codec from "../../../Codec.ts"
import type { Rotate } from "../../../Connection.ts"
import type { InvalidOptions } from "../../../ConnectionError.ts"
import type { Managed } from "../../../ConnectionManager.ts"
import * as Heartbeat from "../../../Heartbeat.ts"
import type * as Inbox from "../../../Inbox.ts"
import type * as Outbox from "../../../Outbox.ts"
import * as RateLimit from "../../../RateLimit.ts"
import * as Reconnect from "../../../Reconnect.ts"
import type { Session } from "../../../Session.ts"
import * as Target from "../../../Target.ts"
import { backpressure, type Capabilities, httpHeaders } from "../../../Transport.ts"
import { type Check, invalid, type Path } from "../../model/check.ts"
import { find, type Finding } from "../../options/find.ts"
import { isObject } from "../../options/shapes.ts"
import { Raw } from "../rawCodec.ts"
import * as Policies from "./policies.ts"
import * as Table from "./table.ts"

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
  readonly dialTimeout: Duration.Input | undefined
  readonly openTimeout: Duration.Input | undefined
  readonly closeTimeout: Duration.Input | undefined
  readonly maxMessageSize: number | undefined
  readonly compression: boolean | undefined
  readonly openBuffer: number | undefined
  readonly writeMark: number | undefined
  readonly rateLimit: ReadonlyArray<RateLimit.RateLimit> | undefined
  readonly rotate: Rotate | undefined
  readonly inbox: Inbox.Options<unknown> | undefined
  readonly outbox: Outbox.Options<unknown, never> | undefined
}

const codecs = {
  frames: Codec.frames,
  messages: Codec.messages,
  text: Codec.text,
  bytes: Codec.bytes,
  json: Codec.json
} as const

/** A declaration whose options are of the right kinds. */
type Data = Target.StaticOptions &
  Partial<Omit<Declaration, "name" | "target" | "codec" | "heartbeat" | "reconnect" | "rateLimit" | "inbox">> & {
    readonly codec?: keyof typeof codecs | undefined
    readonly heartbeat?: Policies.HeartbeatData | undefined
    readonly reconnect?: Policies.ReconnectData | undefined
    readonly rateLimit?: Policies.RateLimitData | undefined
    readonly inbox?: Policies.InboxData | undefined
  }

// Whether the transport can ping is found out when the connection is made.
const transport: Capabilities = { ping: Heartbeat.ping(), pause: backpressure, headers: httpHeaders, bytes: true }

/** Whether nothing at this path is wrong by itself. */
type Right = (...path: readonly [keyof Data, ...Path]) => boolean

/** What parts of a policy, each right by itself, say together. */
const checkTogether = (name: string, data: Data, right: Right): ReadonlyArray<Check> => {
  const { headers, heartbeat, rateLimit, reconnect, subprotocols, url } = data
  const target = Target.make(name, {
    url: right("url") ? url : "wss://unknown",
    subprotocols: right("subprotocols") ? subprotocols : undefined,
    headers: right("headers") ? headers : undefined
  })
  return [
    Result.isFailure(target) ? invalid(name, target.failure.path.slice(1), target.failure.issue) : undefined,
    heartbeat !== undefined && right("heartbeat")
      ? Heartbeat.check(Policies.heartbeat(heartbeat), transport, name)
      : undefined,
    reconnect !== undefined && right("reconnect") ? Reconnect.check(Policies.reconnect(reconnect), name) : undefined,
    ...limits(name, rateLimit, right)
  ]
}

const limits = (name: string, data: Policies.RateLimitData | undefined, right: Right): ReadonlyArray<Check> => {
  if (data === undefined) return []
  return Policies.limitsOf(data).map((limit, index) => {
    const path = ["rateLimit", ...(Array.isArray(data) ? [index] : [])] as const
    return right(...path) ? RateLimit.make(limit).check(name, path) : undefined
  })
}

const declarationOf = (name: string, data: Data): Declaration => {
  const { codec = "frames", headers, heartbeat, inbox, rateLimit, reconnect, subprotocols, url, ...same } = data
  return {
    ...same,
    name,
    target: { url, subprotocols, headers },
    codec: codecs[codec],
    heartbeat: heartbeat && Policies.heartbeat(heartbeat),
    reconnect: reconnect && Policies.reconnect(reconnect),
    rateLimit: rateLimit && Policies.limitsOf(rateLimit).map(RateLimit.make),
    inbox: inbox && Policies.inbox(inbox),
    writeOnInit: data.writeOnInit ?? [],
    startup: data.startup ?? "background"
  } as Declaration
}

/** What is wrong with one declaration; its paths begin with the declaration. */
const faultsOf = (name: string, fields: unknown): ReadonlyArray<Finding> => {
  if (name === "") return [{ path: [], issue: "expected a name" }]
  const found: Array<Finding> = []
  find(Table.declaration, fields, [], found)
  if (!isObject(fields)) return found
  const right: Right = (...path) =>
    !found.some((fault) => path.every((key, index) => fault.path.length <= index || fault.path[index] === key))
  const together = checkTogether(name, fields as unknown as Data, right)
  return [...found, ...together.filter((fault) => fault !== undefined)]
}

const whole = "configuration"

export const parse = (
  configuration: unknown
): Result.Result<ReadonlyArray<Declaration>, ReadonlyArray<InvalidOptions>> => {
  const found: Array<Finding> = []
  find(Table.configuration, configuration, [], found)
  const connections =
    isObject(configuration) && isObject(configuration["connections"]) ? configuration["connections"] : {}
  const faults = [
    ...found.map(({ issue, path }) => invalid(whole, path, issue)),
    ...Object.entries(connections).flatMap(([name, fields]) =>
      faultsOf(name, fields).map(({ issue, path }) =>
        invalid(name === "" ? whole : name, ["connections", name, ...path], issue)
      )
    )
  ]
  return faults.length > 0
    ? Result.fail(faults)
    : Result.succeed(Object.entries(connections).map(([name, data]) => declarationOf(name, data as Data)))
}

/** What `connect` takes for a declaration. */
export const optionsOf = ({ name: _name, writeOnInit, ...options }: Declaration) => ({
  ...options,
  ...(writeOnInit.length === 0 ? {} : { onOpen: greet(writeOnInit) })
})

const greet =
  (frames: ReadonlyArray<string>) =>
  (session: Session<unknown, never>): Effect.Effect<unknown, unknown> =>
    Effect.forEach(frames, (frame) => (session as Session<unknown, Raw>).send(new Raw(frame)), { discard: true })
