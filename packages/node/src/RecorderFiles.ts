/**
 * Writes recordings to files, so that what led to a failure is there when
 * somebody looks for it: one file for each connection that gave up, a bounded
 * number of them, readable by their owner alone.
 *
 * **Details**
 *
 * - A file is text of `Recorder.toText`: lines of JSON, compressed on demand.
 *   `Recorder.fromText` reads it.
 * - A file appears under its name when it is complete: a reader never sees half of
 *   one, and neither does one that comes after a crash.
 * - Files and the folder have the modes 0600 and 0700, where the system knows modes.
 * - Of the files that it wrote into a folder, the newest `most` stay. It touches no
 *   other file there. An old one that cannot be deleted is a line in the log.
 *
 * @since 0.1.0
 */
import type { InvalidOptions } from "kharbranth/ConnectionError"
import * as Recorder from "kharbranth/Recorder"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as internal from "./internal/recordings/files.ts"

/**
 * Where files go, and how many.
 *
 * @category options
 * @since 0.1.0
 */
export interface FileOptions {
  /** The folder, which is made when it is not there. */
  readonly folder: string
  /** How many files stay. Default: 32. */
  readonly most?: number | undefined
  /** Whether they are compressed, and end in `.gz`. Default: `false`. */
  readonly gzip?: boolean | undefined
}

/**
 * Options of `layer`: those of the recorder too, but for `onFailed`, which is to
 * write a file.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends FileOptions, Omit<Recorder.Options, "onFailed"> {}

/**
 * A recording could not be written. `code` is the system's: `EACCES`, `ENOSPC`.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecordingNotWritten extends Data.TaggedError("RecordingNotWritten")<{
  readonly connection: string
  readonly folder: string
  readonly code: string
}> {
  override get message(): string {
    return `Connection "${this.connection}": its recording could not be written into ${this.folder} (${this.code}). Check that the folder may be written to and that there is room; older recordings there are untouched.`
  }
}

/**
 * Writes one recording, and gives the path of its file.
 *
 * @example
 * ```ts
 * import * as RecorderFiles from "@kharbranth/node/RecorderFiles"
 * import * as Connection from "kharbranth/Connection"
 * import * as Recorder from "kharbranth/Recorder"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import * as Effect from "effect/Effect"
 * import * as Option from "effect/Option"
 * import * as Result from "effect/Result"
 * import { strictEqual } from "node:assert"
 * import { mkdtempSync, readFileSync, rmSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 *
 * const folder = mkdtempSync(join(tmpdir(), "recordings-"))
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   yield* network.serve("wss://echo.example/", TestNetwork.echo)
 *   yield* Effect.gen(function*() {
 *     yield* Connection.make("echo", { target: "wss://echo.example/" })
 *     const recorder = yield* Recorder.Recorder
 *     const recording = Option.getOrThrow(yield* recorder.of("echo"))
 *     const file = yield* RecorderFiles.write(recording, { folder })
 *     const [read] = Result.getOrThrow(Recorder.fromText(readFileSync(file, "utf8")))
 *     strictEqual(read?.connection.name, "echo")
 *   }).pipe(network.provide, Effect.provide(Recorder.layer()))
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * rmSync(folder, { recursive: true })
 * ```
 *
 * @category writing
 * @since 0.1.0
 */
export const write = (
  recording: Recorder.Recording,
  options: FileOptions
): Effect.Effect<string, RecordingNotWritten | InvalidOptions> =>
  internal.write(
    recording,
    options,
    (code) => new RecordingNotWritten({ connection: recording.connection.name, folder: options.folder, code })
  )

/**
 * A recorder that writes a file for each connection that gives up. A file that
 * cannot be written is a line in the log.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Recorder.Recorder, InvalidOptions> =>
  Layer.unwrap(
    internal.checked(options, Recorder.layer({ ...options, onFailed: (recording) => write(recording, options) }))
  )
