// Proves that the comparison in the repository's README shows the medians of
// RESULTS.md, so that new results cannot leave old figures on the front page.
import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8")

const rowsOf = (text: string): ReadonlyArray<ReadonlyArray<string>> =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

const results = read("../RESULTS.md")

/** The median of a row of RESULTS.md, by the beginning of its section's title. */
const median = (section: string, label: string): string => {
  const text = results.split(/^## /m).find((part) => part.startsWith(section)) ?? ""
  return rowsOf(text).find(([name]) => name === label)?.[1] ?? `no row "${label}"`
}

/** A client of the README, and the rows it stands for: inbound, outbound. */
const clients: Readonly<Record<string, readonly [inbound: string, outbound: string]>> = {
  "kharbranth": ["kharbranth, runForEach", "kharbranth, 1,000 concurrent sends"],
  "reconnecting-websocket": ["reconnecting-websocket", "reconnecting-websocket"],
  "partysocket": ["partysocket", "partysocket"],
  "@atproto/ws-client": ["@atproto/ws-client", "@atproto/ws-client"],
  "rxjs webSocket": ["rxjs webSocket", "rxjs webSocket"],
  "Effect Socket": ["Effect Socket, stream of strings by arrays", "Effect Socket, write"]
}

describe("the README", () => {
  const readme = read("../../../README.md")
  const compared = rowsOf(readme.split(/^## /m).find((part) => part.startsWith("Compared")) ?? "")

  it.each(Object.entries(clients))("shows the medians of %s", (client, [inbound, outbound]) => {
    const row = compared.find(([name]) => name === client)
    assert.deepStrictEqual(
      row?.slice(1, 4).map((figure) => `${figure} ×`),
      [
        median("Inbound, text frames", inbound),
        median("Outbound, 128 B text", outbound),
        median("Echo round trip", `${client}, p50`)
      ]
    )
  })

  it("compares with all of them and no others", () => {
    assert.deepStrictEqual(
      compared
        .slice(1)
        .map(([name]) => name)
        .filter((name) => !/^-+$/.test(name ?? "")),
      Object.keys(clients)
    )
  })

  it("shows what an idle connection and a stalled reader hold", () => {
    assert.include(readme, `${median("5,000 idle", "kharbranth, heap each beyond raw ws")} of heap`)
    assert.include(readme, `${median("Bytes that wait", "slow consumer, most bytes unread")} wait unread`)
  })
})
