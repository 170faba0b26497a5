/**
 * Files of recordings in one folder. A name begins with the time, so that names in
 * order are files in order, and which are the oldest needs no look into them.
 */
import { InvalidOptions } from "kharbranth/ConnectionError"
import * as Recorder from "kharbranth/Recorder"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { randomUUID } from "node:crypto"
import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import type { FileOptions } from "../../RecorderFiles.ts"

const invalid = (path: ReadonlyArray<string>, issue: string): InvalidOptions =>
  new InvalidOptions({ connection: "recorder", path, issue })

const check = ({ folder, gzip, most }: FileOptions): InvalidOptions | undefined => {
  if (typeof folder !== "string" || folder === "") return invalid(["folder"], "expected the path of a folder")
  if (most !== undefined && !(Number.isInteger(most) && most >= 1)) {
    return invalid(["most"], "expected a whole number of at least 1")
  }
  return gzip === undefined || typeof gzip === "boolean" ? undefined : invalid(["gzip"], "expected true or false")
}

/** Fails at the door for options that cannot be used. */
export const checked = <A>(options: FileOptions, value: A): Effect.Effect<A, InvalidOptions> => {
  const wrong = check(options)
  return wrong === undefined ? Effect.succeed(value) : Effect.fail(wrong)
}

/** Written by this module, complete: the time, the connection, and what tells files of one moment apart. */
const ours = /^\d{8}T\d{9}Z-.*-[0-9a-f]{8}\.kharbranth\.ndjson(\.gz)?$/

/** Not complete: under way, or left by a crash. */
const unfinished = /^\.kharbranth-[0-9a-f-]{36}\.tmp$/

/** After so many milliseconds nobody is writing it any more. */
const abandonedAfter = 3_600_000

/** 2026-11-28T18:04:05.678Z as 20261128T180405678Z. */
const stampOf = (millis: number): string => new Date(millis).toISOString().replace(/[-:.]/g, "")

const nameOf = (connection: string, millis: number, { gzip }: FileOptions): string => {
  // No separator and no leading dot can come of a name, and no name is too long for a file system.
  const safe = connection.replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 64)
  return `${stampOf(millis)}-${safe}-${randomUUID().slice(0, 8)}.kharbranth.ndjson${gzip === true ? ".gz" : ""}`
}

const compressed = async (text: string): Promise<Uint8Array> => {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Under a name of its own first: what has the final name is complete, and on the disk. */
const save = async (folder: string, name: string, bytes: string | Uint8Array): Promise<string> => {
  const temporary = join(folder, `.kharbranth-${randomUUID()}.tmp`)
  const path = join(folder, name)
  try {
    const file = await open(temporary, "wx", 0o600)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
    return path
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Whether it was left by a crash. */
const isAbandoned = async (path: string, now: number): Promise<boolean> => {
  const written = await stat(path).catch(() => undefined)
  return written !== undefined && now - written.mtimeMs > abandonedAfter
}

/** Lets the oldest go, and what a crash has left. */
const prune = async (folder: string, most: number, now: number): Promise<void> => {
  const names = await readdir(folder)
  const complete = names.filter((name) => ours.test(name)).toSorted()
  const old = complete.slice(0, Math.max(0, complete.length - most)).map((name) => join(folder, name))
  const halves = names.filter((name) => unfinished.test(name)).map((name) => join(folder, name))
  const abandoned = await Promise.all(halves.map((path) => isAbandoned(path, now)))
  const gone = [...old, ...halves.filter((_, index) => abandoned[index])]
  // Another process may be at it too. One that cannot go keeps no other.
  const outcomes = await Promise.allSettled(gone.map((path) => rm(path, { force: true })))
  const failed = outcomes.find((outcome) => outcome.status === "rejected")
  if (failed !== undefined) throw failed.reason
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unknown"

/** The recording is written by then: what is left too much is a line in the log. */
const pruned = (folder: string, most: number, now: number): Effect.Effect<void> =>
  Effect.tryPromise({ try: () => prune(folder, most, now), catch: codeOf }).pipe(
    Effect.catch((code) =>
      Effect.logWarning(
        `old recordings in ${folder} could not be deleted (${code}), so more than ${most} stay. Check who owns them.`
      )
    )
  )

export const write = <E>(
  recording: Recorder.Recording,
  options: FileOptions,
  failure: (code: string) => E
): Effect.Effect<string, E | InvalidOptions> =>
  Effect.gen(function* () {
    const { folder, gzip, most } = yield* checked(options, options)
    const now = yield* Clock.currentTimeMillis
    const text = Recorder.toText(recording)
    const path = yield* Effect.tryPromise({
      try: async () => {
        await mkdir(folder, { recursive: true, mode: 0o700 })
        const bytes = gzip === true ? await compressed(text) : text
        return await save(folder, nameOf(recording.connection.name, now, options), bytes)
      },
      catch: (error) => failure(codeOf(error))
    })
    yield* pruned(folder, most ?? 32, now)
    return path
  })
