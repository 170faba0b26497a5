/**
 * Proves that recordings reach the disk: one file for a connection that gave up,
 * readable by its owner alone and readable as a recording, compressed or not; that
 * a bounded number stays, strangers' files are left alone, and an old file that
 * cannot be deleted hides no new one; that no name of a
 * connection leads out of the folder; and that a disk which does not take it is a
 * typed failure that leaves nothing behind.
 */
import { assert, describe, it } from "@effect/vitest"
import * as RecorderFiles from "@kharbranth/node/RecorderFiles"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as TestClock from "effect/testing/TestClock"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Recorder from "kharbranth/Recorder"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kharbranth-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true }))
)

const read = (text: string): Recorder.Recording => Result.getOrThrow(Recorder.fromText(text))[0]!

const modeOf = (path: string): number => statSync(path).mode & 0o777

const url = "wss://feed.example/?token=planted"

/** A recording of a connection that failed for good. */
const failed = (name: string) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    yield* network.serve(url, TestNetwork.silent, { answer: () => Effect.succeed(TestNetwork.reject(404)) })
    const recorder = yield* Recorder.Recorder
    yield* Effect.exit(network.provide(Connection.make(name, { target: url, reconnect: Reconnect.none })))
    return Option.getOrThrow(yield* recorder.of(name))
  })

const sample = Effect.provide(failed("feed"), Recorder.layer())

/** Looks again until it is so; the test's own timeout is the limit. */
const until = (check: () => boolean): Effect.Effect<void> =>
  Effect.suspend(() =>
    check()
      ? Effect.void
      : Effect.andThen(
          Effect.promise(() => new Promise(setImmediate)),
          until(check)
        )
  )

describe("RecorderFiles", () => {
  it.effect("writes a file for a connection that gave up, for its owner alone", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "made", "here")
      const complete = (): ReadonlyArray<string> => {
        try {
          return readdirSync(path).filter((name) => !name.startsWith("."))
        } catch {
          return []
        }
      }
      yield* Effect.gen(function* () {
        yield* failed("feed")
        yield* until(() => complete().length === 1)
      }).pipe(Effect.provide(RecorderFiles.layer({ folder: path, steps: 100 })))
      const file = join(path, complete()[0]!)
      assert.match(file, /-feed-[0-9a-f]{8}\.kharbranth\.ndjson$/)
      assert.strictEqual(modeOf(file), 0o600)
      assert.strictEqual(modeOf(path), 0o700)
      const text = readFileSync(file, "utf8")
      assert.notInclude(text, "planted")
      assert.strictEqual(read(text).state._tag, "Failed")
      assert.isAbove(read(text).steps?.taken.length ?? 0, 0)
    })
  )

  it.effect("compresses on demand", () =>
    Effect.gen(function* () {
      const recording = yield* sample
      const file = yield* RecorderFiles.write(recording, { folder: yield* folder, gzip: true })
      assert.match(file, /\.gz$/)
      assert.deepStrictEqual(read(gunzipSync(readFileSync(file)).toString()), read(Recorder.toText(recording)))
    })
  )

  it.effect("keeps the newest, and leaves files of others alone", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const recording = yield* sample
      for (const name of ["notes.txt", "zz.kharbranth.ndjson"]) writeFileSync(join(path, name), "mine")
      const left = ".kharbranth-00000000-0000-4000-8000-00000000000"
      yield* TestClock.setTime(1_800_000_000_000)
      for (const [n, age] of [
        [1, 7_200],
        [2, 60]
      ] as const) {
        writeFileSync(join(path, `${left}${n}.tmp`), "half")
        utimesSync(join(path, `${left}${n}.tmp`), 1_800_000_000 - age, 1_800_000_000 - age)
      }
      const written: Array<string> = []
      for (let n = 0; n < 7; n++) {
        written.push(yield* RecorderFiles.write(recording, { folder: path, most: 3 }))
        yield* TestClock.adjust("1 second")
      }
      const names = readdirSync(path)
      assert.includeMembers(names, ["notes.txt", "zz.kharbranth.ndjson", `${left}2.tmp`])
      assert.notInclude(names, `${left}1.tmp`)
      assert.sameMembers(
        names.map((name) => join(path, name)).filter((file) => written.includes(file)),
        written.slice(-3)
      )
    })
  )

  it.effect("is written although an old one cannot be deleted: that is a line in the log, and the others go", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const recording = yield* sample
      // By its name the oldest file of ours; it is a folder, which no deletion of a file removes.
      const stuck = "19600101T000000000Z-feed-00000000.kharbranth.ndjson"
      mkdirSync(join(path, stuck))
      const logged: Array<unknown> = []
      const logger = Logger.make<unknown, void>(({ message }) => void logged.push(message))
      const write = Effect.andThen(
        TestClock.adjust("1 second"),
        RecorderFiles.write(recording, { folder: path, most: 2 })
      )
      const files = yield* Effect.forEach([1, 2, 3, 4], () => write).pipe(Effect.provide(Logger.layer([logger])))
      assert.strictEqual(read(readFileSync(files[3]!, "utf8")).connection.name, "feed")
      assert.deepStrictEqual(
        readdirSync(path)
          .toSorted()
          .map((name) => join(path, name)),
        [join(path, stuck), ...files.slice(2)]
      )
      assert.match(
        String(logged[0]),
        /old recordings in .* could not be deleted \(ERR_FS_EISDIR\), so more than 2 stay/
      )
    })
  )

  it.effect("no name leads out of the folder, and many at once are each there", () =>
    Effect.gen(function* () {
      const path = yield* folder
      const recording = yield* sample
      const names = ["../../etc/passwd", "a/b\\c", "\u0000", ".", "x".repeat(500), "名前"]
      const named = (name: string): Recorder.Recording => {
        const connection = { ...recording.connection, name }
        return { ...recording, connection }
      }
      const files = yield* Effect.forEach(names, (name) => RecorderFiles.write(named(name), { folder: path }), {
        concurrency: "unbounded"
      })
      assert.lengthOf(readdirSync(path), names.length)
      for (const [index, file] of files.entries()) {
        assert.strictEqual(join(file, ".."), path)
        assert.strictEqual(read(readFileSync(file, "utf8")).connection.name, names[index])
      }
    })
  )

  it.effect("a folder that cannot be one is a typed failure; in a layer it is a line in the log", () =>
    Effect.gen(function* () {
      const path = yield* folder
      writeFileSync(join(path, "file"), "")
      const options = { folder: join(path, "file") }
      const error = yield* Effect.flip(RecorderFiles.write(yield* sample, options))
      assert.strictEqual(error._tag, "RecordingNotWritten")
      assert.include(error.message, `Connection "feed"`)
      assert.deepStrictEqual(readdirSync(path), ["file"])
      const logged: Array<unknown> = []
      const logger = Logger.make(({ message }) => void logged.push(message))
      yield* Effect.gen(function* () {
        yield* failed("feed")
        yield* until(() => String(logged.flat()).includes("`onFailed` failed"))
      }).pipe(
        Effect.provide(RecorderFiles.layer(options).pipe(Layer.provideMerge(Layer.fresh(Logger.layer([logger])))))
      )
    })
  )

  it.effect("refuses options that cannot be used, before anything is made", () =>
    Effect.gen(function* () {
      for (const [wrong, path] of [
        [{ folder: "" }, "folder"],
        [{ folder: "x", most: 0 }, "most"],
        [{ folder: "x", gzip: "yes" as never }, "gzip"]
      ] as const) {
        const error = yield* Effect.flip(Layer.build(RecorderFiles.layer(wrong)))
        assert.deepInclude(error, { _tag: "InvalidOptions", path: [path] })
      }
    })
  )
})
