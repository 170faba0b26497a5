/** Feeds recorded inputs to the lifecycle, and compares the states with the recorded ones. */
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { InvalidOptions } from "../../ConnectionError.ts"
import type { PlainError, Recording } from "../../Recorder.ts"
import type { Replayed } from "../../Replay.ts"
import { publicState, reduce } from "../lifecycle/reduce.ts"
import type { Input, State } from "../lifecycle/model.ts"
import { plain } from "./plain.ts"

const isObject = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

const isPlainError = (u: Record<string, unknown>): boolean =>
  typeof u["tag"] === "string" && typeof u["message"] === "string" && isObject(u["fields"])

/** An error with what was recorded of it: its tag is what the lifecycle looks at. */
const revivedError = ({ fields, message, tag }: PlainError): Error => {
  const { cause, ...others } = fields
  const redacted = cause === undefined ? {} : { cause: Redacted.make(undefined, { label: String(cause) }) }
  const error = Object.assign(new Error(message, redacted), { _tag: tag, ...others })
  return Object.defineProperty(error, "~kharbranth/ConnectionError", { value: true })
}

const revived = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(revived)
  if (!isObject(value)) return value
  if (isPlainError(value)) return revivedError(value as unknown as PlainError)
  const fields = Object.fromEntries(Object.entries(value).map(([key, field]) => [key, revived(field)]))
  return fields["_tag"] === "RetryAfter" ? { ...fields, delay: Duration.millis(Number(fields["delay"])) } : fields
}

/** As it would be read from a file. */
const written = <A>(value: A): A => JSON.parse(JSON.stringify(value)) as A

export const run = (recording: Recording): Result.Result<Replayed, InvalidOptions> => {
  const { connection, steps } = recording
  if (steps === undefined) {
    const issue = "this recording has no steps; give the recorder the option `steps` to record them"
    return Result.fail(new InvalidOptions({ connection: connection.name, path: ["steps"], issue }))
  }
  const states: Array<Replayed["states"][number]> = []
  let state = revived(steps.from) as State
  let differs: Replayed["differs"]
  for (const [step, { input, now, state: recorded }] of steps.taken.entries()) {
    state = reduce(state, revived(input) as Input, now)[0]
    const replayed = written(plain(publicState(state)))
    states.push(replayed)
    if (differs === undefined && !isSame(replayed, written(recorded))) differs = { step, recorded, replayed }
  }
  return Result.succeed({ states, differs })
}

/** Whether two values of plain data are the same, in whatever order their fields are. */
const isSame = (a: unknown, b: unknown): boolean => {
  if (!isObject(a) || !isObject(b)) return a === b
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => isSame(a[key], b[key]))
}
