/** Reads what a page says. */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { columns, commands, faults, type Request, states } from "../wire/wire.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const View = Schema.Struct({
  sort: Schema.Literals(columns),
  descending: Schema.Boolean,
  text: Schema.String.check(Schema.isMaxLength(256)),
  states: Schema.Array(Schema.Literals(states)).check(Schema.isMaxLength(states.length)),
  from: Count,
  to: Count
})

const Where = Schema.Union([
  Schema.Struct({ id: Count }),
  Schema.Struct({ origin: Schema.String.check(Schema.isMaxLength(512)) })
])

const Requests = Schema.Union([
  Schema.Struct({ t: Schema.Literal("view"), view: View }),
  Schema.Struct({ t: Schema.Literal("again") }),
  Schema.Struct({ t: Schema.Literal("open"), id: Schema.optional(Count) }),
  Schema.Struct({ t: Schema.Literal("budget"), on: Schema.Boolean }),
  Schema.Struct({ t: Schema.Literal("do"), ask: Count, command: Schema.Literals(commands), id: Count }),
  Schema.Struct({ t: Schema.Literal("break"), ask: Count, fault: Schema.Literals([...faults, "heal"]), where: Where })
])

const decode = Schema.decodeUnknownExit(Schema.fromJsonString(Requests))

/** What a frame asks for; `undefined` when it is none of the requests that there are. */
export const read = (text: string): Request | undefined => {
  const exit = decode(text)
  if (!Exit.isSuccess(exit)) return undefined
  const request = exit.value
  return request.t === "open" ? { t: "open", id: request.id } : request
}
