/**
 * A Postgres of the test's own: in a temporary folder, on loopback, as a user
 * that is not root, gone with its scope. It needs the server's programs on this
 * machine (`apt-get install postgresql`).
 */
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { SqlClient } from "effect/sql/SqlClient"
import { execFileSync, spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir, userInfo } from "node:os"
import { delimiter, join } from "node:path"

const debian = "/usr/lib/postgresql"

const folders = (): ReadonlyArray<string> => [
  ...(existsSync(debian) ? readdirSync(debian).map((version) => join(debian, version, "bin")) : []),
  ...(process.env["PATH"] ?? "").split(delimiter)
]

/** Where the server's programs are; `undefined` where there are none. */
export const programs = folders().findLast((folder) => existsSync(join(folder, "initdb")))

/** Postgres refuses to run as root; the package brings a user for it. */
const identity = (): { readonly uid?: number; readonly gid?: number } => {
  if (userInfo().uid !== 0) return {}
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
  return { uid: id("-u"), gid: id("-g") }
}

const freePort = Effect.callback<number>((resume) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as { readonly port: number }
    server.close(() => resume(Effect.succeed(port)))
  })
})

const start = (folder: string, bin: string, port: number) => {
  const who = identity()
  if (who.uid !== undefined) chownSync(folder, who.uid, who.gid!)
  const data = join(folder, "data")
  const init = ["-D", data, "-A", "trust", "-U", "fleet", "-E", "UTF8", "--no-sync"]
  execFileSync(join(bin, "initdb"), init, { ...who, cwd: folder, stdio: "pipe" })
  const settings = [
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${folder}`,
    "fsync=off",
    "log_statement=none"
  ]
  return spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), ...settings.flatMap((one) => ["-c", one])], {
    ...who,
    cwd: folder,
    stdio: "ignore"
  })
}

const running = Effect.gen(function* () {
  if (programs === undefined) return yield* Effect.die(new Error("there is no Postgres on this machine"))
  const port = yield* freePort
  const folder = mkdtempSync(join(tmpdir(), "kharbranth-pg-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
  yield* Effect.acquireRelease(
    Effect.sync(() => start(folder, programs, port)),
    (child) =>
      Effect.callback<void>((resume) => {
        if (child.exitCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        // The fast way out, for there is nothing to keep.
        child.kill("SIGQUIT")
      })
  )
  return port
})

const client = (port: number) =>
  PgClient.layer({ url: Redacted.make(`postgres://fleet@127.0.0.1:${port}/postgres`), connectTimeout: "2 seconds" })

/** It is up when it answers. */
const answering = Effect.flatMap(SqlClient, (sql) => sql`SELECT 1`).pipe(
  Effect.retry(Schedule.max([Schedule.spaced("50 millis"), Schedule.recurs(400)]))
)

/** A client of a new, empty database. */
export const layer: Layer.Layer<SqlClient> = Layer.unwrap(
  Effect.map(running, (port) =>
    Layer.orDie(Layer.effectDiscard(answering).pipe(Layer.provideMerge(Layer.fresh(client(port)))))
  )
)
