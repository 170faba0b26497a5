/**
 * The acknowledging server as a child process, with its log.
 */
import * as Effect from "effect/Effect"
import type { ChildProcess } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseServerLog, type ServerEntry } from "./history.ts"
import { spawnScoped } from "./process.ts"

export const logFile = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "kharbranth-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true }))
).pipe(Effect.map((folder) => join(folder, "server.log")))

export const readLog = (file: string): ReadonlyArray<ServerEntry> => parseServerLog(readFileSync(file, "utf8"))

export interface AckServer {
  readonly process: ChildProcess
  readonly port: number
  readonly url: string
}

export const ackServer = (file: string, port = 0) =>
  Effect.map(
    spawnScoped(new URL("ackServer.ts", import.meta.url), file, String(port)),
    ({ process, ready }): AckServer => ({ process, port: Number(ready), url: `ws://127.0.0.1:${ready}` })
  )

/** Kills the process the hard way and waits until it is gone. */
export const kill = ({ process }: AckServer): Effect.Effect<void> =>
  Effect.callback((resume) => {
    process.once("exit", () => resume(Effect.void))
    process.kill("SIGKILL")
  })
