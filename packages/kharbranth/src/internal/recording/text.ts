/** Recordings as lines of JSON: a header for each connection, then its entries. */
import * as Result from "effect/Result"
import { InvalidOptions } from "../../ConnectionError.ts"
import type { Entry, Recording } from "../../Recorder.ts"
import { attempt } from "../kit/guard.ts"

export const write = ({ entries, ...header }: Recording): string =>
  [header, ...entries].map((line) => `${JSON.stringify(line)}\n`).join("")

const isObject = (u: unknown): u is Record<string, unknown> => typeof u === "object" && u !== null

const isHeader = (line: unknown): line is Omit<Recording, "entries"> =>
  isObject(line) &&
  line["format"] === "kharbranth-recording" &&
  line["version"] === 1 &&
  isObject(line["connection"]) &&
  isObject(line["state"])

const isEntry = (line: unknown): line is Entry =>
  isObject(line) && Number.isInteger(line["seq"]) && typeof line["at"] === "number" && isObject(line["event"])

export const read = (text: string): Result.Result<ReadonlyArray<Recording>, InvalidOptions> => {
  const recordings: Array<Recording & { readonly entries: Array<Entry> }> = []
  for (const [index, line] of text.split("\n").entries()) {
    if (line === "") continue
    const parsed = attempt(
      (): unknown => JSON.parse(line),
      () => undefined
    )
    const current = recordings.at(-1)
    if (isHeader(parsed)) recordings.push({ ...parsed, entries: [] })
    else if (isEntry(parsed) && current !== undefined) current.entries.push(parsed)
    else return Result.fail(foreign(index + 1))
  }
  return Result.succeed(recordings)
}

const foreign = (line: number): InvalidOptions =>
  new InvalidOptions({
    connection: "recording",
    path: ["line", line],
    issue: "it is no line of a Kharbranth recording of version 1; a text begins with the header of a recording"
  })
