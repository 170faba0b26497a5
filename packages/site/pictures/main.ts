/**
 * Draws the pictures of the documentation: the diagrams of the guide, and the
 * demo from what it shows on a terminal (not with `--diagrams`). `--check` draws the diagrams again and
 * compares, and asks whether the demo's picture shows the present table.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { head } from "../../../scratchpad/demo/table.ts"
import type { Recorded } from "../../../scratchpad/terminal.ts"
import { diagrams, palettes } from "./diagrams.ts"
import { animate } from "./terminal.ts"

const root = new URL("../../../", import.meta.url).pathname
const guide = join(root, "packages/kharbranth/guide/pictures")
const demo = join(guide, "demo.svg")

const drawings = Object.entries(diagrams).flatMap(([name, draw]) =>
  Object.entries(palettes).map(([scheme, palette]) => [join(guide, `${name}-${scheme}.svg`), draw(palette)] as const)
)

/** Every so many milliseconds a frame of the demo is shown. */
const pace = 750

const recorded = (): ReadonlyArray<Recorded> => {
  const folder = mkdtempSync(join(tmpdir(), "kharbranth-demo-"))
  const file = join(folder, "frames.json")
  const run = spawnSync(process.execPath, ["scratchpad/demo/main.ts", "--record", file], {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 120_000
  })
  if (run.status !== 0) throw new Error("the demo failed: there is nothing to show")
  const frames = JSON.parse(readFileSync(file, "utf8")) as ReadonlyArray<Recorded>
  rmSync(folder, { recursive: true })
  return frames
}

const shown = (frames: ReadonlyArray<Recorded>): ReadonlyArray<Recorded> => {
  let next = 0
  return frames.filter(({ at }, index) => {
    const wanted = at >= next || index === frames.length - 1
    if (wanted) next = at + pace
    return wanted
  })
}

const drawDemo = (): void => {
  const frames = shown(recorded())
  writeFileSync(
    demo,
    animate("Two hundred symbols of five venues, half a minute of faults, and the verdict", frames, {
      columns: 112,
      rows: 30,
      rest: 8000
    })
  )
}

const check = (): void => {
  const stale = drawings.filter(([file, svg]) => readFileSync(file, "utf8") !== svg).map(([file]) => file)
  const picture = readFileSync(demo, "utf8")
  const columns = head.trim().split(/\s{2,}/)
  if (!columns.every((column) => picture.includes(column)) || !picture.includes("PASSED")) stale.push(demo)
  for (const file of stale) console.log(`${file.slice(root.length)} is not what \`pnpm pictures\` draws`)
  process.exitCode = stale.length === 0 ? 0 : 1
}

const drawDiagrams = (): void => {
  mkdirSync(guide, { recursive: true })
  for (const [file, svg] of drawings) writeFileSync(file, svg)
}

if (process.argv.includes("--check")) check()
else {
  drawDiagrams()
  if (!process.argv.includes("--diagrams")) drawDemo()
}
