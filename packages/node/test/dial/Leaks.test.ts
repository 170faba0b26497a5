// Proves that dialing and closing leave nothing behind: no socket, timer or
// file descriptor after 200 cycles of every kind of ending.
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { promisify } from "node:util"

describe("Leaks", () => {
  it("200 dials, ended in every way, leave no resource and no descriptor", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      new URL("../support/cycles.ts", import.meta.url).pathname
    ])
    const { after, before, dials } = JSON.parse(stdout) as Record<"after" | "before", Counts> & {
      readonly dials: number
    }
    assert.strictEqual(dials, 200)
    assert.deepStrictEqual(after, before)
  })
})

interface Counts {
  readonly resources: Readonly<Record<string, number>>
  readonly descriptors: number
}
