/** A PgBouncer in front of a test's Postgres, in a temporary folder, gone with its scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { freePort } from "../../../cluster/test/support/ports.ts"
import { identity, type PostgresServer } from "../../../cluster/test/support/postgresServer.ts"

/** Where the program is; `undefined` where there is none. */
export const program = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin"]
  .map((folder) => join(folder, "pgbouncer"))
  .find((path) => existsSync(path))

const settings = (database: number, port: number, mode: string, folder: string): string => `
[databases]
postgres = host=127.0.0.1 port=${database} user=fleet
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir = ${folder}
auth_type = any
pool_mode = ${mode}
default_pool_size = 10
ignore_startup_parameters = extra_float_digits
`

/** Starts one; resolves to the url of the database behind it. */
export const behind = (
  database: PostgresServer,
  mode: "transaction" | "session"
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "kharbranth-bouncer-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const port = yield* Effect.promise(freePort)
    const file = join(folder, "pgbouncer.ini")
    writeFileSync(file, settings(database.port, port, mode, folder))
    const who = identity()
    if (who.uid !== undefined) for (const path of [folder, file]) chownSync(path, who.uid, who.gid!)
    yield* Effect.acquireRelease(
      Effect.sync(() => spawn(program!, ["-q", file], { ...who, cwd: folder, stdio: "ignore" })),
      (child) =>
        Effect.callback<void>((resume) => {
          if (child.exitCode !== null) return resume(Effect.void)
          child.once("exit", () => resume(Effect.void))
          child.kill("SIGKILL")
        })
    )
    return database.url("fleet", port)
  })
