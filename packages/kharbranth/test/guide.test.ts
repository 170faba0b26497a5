/**
 * Proves that the guide's tables keep up with the source: every error has a row
 * that says truly whether the default policy retries it, every close code, HTTP
 * status and TLS code named there is decided as it says, and every state, event
 * and figure is explained. Also that each trouble people meet with WebSockets
 * has a row in the guide's index that leads to a heading.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import { readFileSync } from "node:fs"
import { posix } from "node:path"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Reconnect from "kharbranth/Reconnect"
import { closed, rejected } from "./support/errors.ts"

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), "utf8")

const rowsOf = (page: string): ReadonlyArray<ReadonlyArray<string>> =>
  page
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim())
    )

const errors = read("guide/errors.md")
const tags = [...read("src/ConnectionError.ts").matchAll(/^export class (\w+)/gm)].map(([, tag]) => tag!)

const connection = "feed"
const epoch = 1
const cause = ConnectionError.foreign(new Error("x"))
const endpoint = "wss://feed.example/"
const tls = (code: string) => new ConnectionError.TlsError({ connection, endpoint, code, cause })

/** What the default policy makes of an error, in the page's words. */
const words = { Retry: "retried", RetryAfter: "retried", Refresh: "refreshed", Stop: "final" } as const
const wordFor = (error: ConnectionError.ConnectionError): string => words[Reconnect.classify(error)._tag]

const fields = { connection, epoch, cause, name: connection, issue: "", after: Duration.seconds(1), code: 1002 }
const dependent: Record<string, ReadonlyArray<ConnectionError.ConnectionError>> = {
  TlsError: [tls("ECONNRESET"), tls("CERT_HAS_EXPIRED")],
  HandshakeRejected: [rejected(503), rejected(404)],
  ConnectionClosed: [closed(1001), closed(1002)]
}

const made = (tag: string): ReadonlyArray<ConnectionError.ConnectionError> => {
  const Class = (ConnectionError as unknown as Record<string, new (fields: object) => ConnectionError.ConnectionError>)[
    tag
  ]!
  return dependent[tag] ?? [new Class(fields)]
}

/** What users of WebSocket clients complain about, by a word of its row. */
const troubles = [
  /half-open/,
  /After sleep/,
  /hidden tab/,
  /although I ping/,
  /mute/,
  /storm/,
  /accepts and closes/,
  /expired token/,
  /close code/,
  /lost or sent twice/,
  /Subscriptions/,
  /may be missing/,
  /planned reconnect/,
  /stuck/,
  /does not exit/,
  /Memory grows/,
  /limits messages/,
  /proxy or a header/,
  /hard to test/,
  /Every tab/,
  /cannot see/
] as const

/** The anchors of a page, as GitHub makes them. */
const headingsOf = (page: string): ReadonlyArray<string> =>
  [...page.replaceAll(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-")
  )

describe("the guide", () => {
  it("has one row for every error", () => {
    const named = rowsOf(errors).flatMap(([first]) => /^`(\w+)`$/.exec(first ?? "")?.[1] ?? [])
    assert.isAbove(tags.length, 25)
    assert.deepStrictEqual([...named].toSorted(), [...tags].toSorted())
  })

  it("says truly what the default policy does with each", () => {
    const yours = new Set<string>()
    for (const [first, , , last] of rowsOf(errors)) {
      const tag = /^`(\w+)`$/.exec(first ?? "")?.[1]
      if (tag === undefined) continue
      const decided = new Set(made(tag).map(wordFor))
      if (last === "yours") yours.add(tag)
      else assert.strictEqual(last, decided.size === 1 ? [...decided][0] : "depends", tag)
    }
    const onlyCallers = ["ConnectionExists", "ConnectionNotFound", "EncodeError", "NotConnected", "OutboxFull"]
    assert.deepStrictEqual([...yours].toSorted(), [...onlyCallers, "ReaderBusy", "SendExpired", "StartupTimeout"])
    const retried = [...yours].filter((tag) => made(tag).map(wordFor).includes("retried")).toSorted()
    assert.deepStrictEqual(retried, ["NotConnected", "OutboxFull", "SendExpired"])
  })

  it("is right that a program may decide by itself", () => {
    for (const Class of [ConnectionError.OpenFailed, ConnectionError.TargetFailed]) {
      const decided = { connection, epoch, issue: "", cause: Redacted.make(Reconnect.stop) }
      assert.strictEqual(wordFor(new Class(decided)), "final")
    }
  })

  it("says truly what depends on codes", () => {
    const kinds = {
      "close code": (code: string) => closed(Number(code)),
      "HTTP": (code: string) => rejected(Number(code)),
      "TLS": tls
    }
    let checked = 0
    for (const [first = "", last = ""] of rowsOf(errors)) {
      const found = /^(close code|HTTP|TLS) (.*)$/.exec(first)
      if (found === null) continue
      for (const code of found[2]!.split(", ")) {
        assert.strictEqual(wordFor(kinds[found[1] as keyof typeof kinds](code)), last.split(/[ ,]/)[0], first)
        checked++
      }
    }
    assert.isAbove(checked, 30)
  })

  it("says truly what follows from each close code", () => {
    const page = rowsOf(read("guide/close-codes.md")).filter(([code = ""]) => /^\d{4}$/.test(code))
    assert.isAbove(page.length, 14)
    for (const [code = "", , word] of page) {
      const dropped = new ConnectionError.ConnectionDropped({ connection, epoch, cause: undefined })
      assert.strictEqual(wordFor(code === "1006" ? dropped : closed(Number(code))), word, code)
    }
  })

  it("leads from each trouble to a heading that exists", () => {
    const rows = rowsOf(read("guide/README.md")).filter(([, to = ""]) => to.includes("]("))
    for (const trouble of troubles) {
      const matching = rows.filter(([seen = ""]) => trouble.test(seen))
      assert.lengthOf(matching, 1, String(trouble))
      const targets = [...matching[0]![1]!.matchAll(/\]\(([^)#]+)(?:#([^)]+))?\)/g)]
      assert.isNotEmpty(targets, String(trouble))
      for (const [, page = "", anchor] of targets) {
        const text = read(posix.join("guide", page))
        if (anchor !== undefined) assert.include(headingsOf(text), anchor, `${page}#${anchor}`)
      }
    }
    assert.lengthOf(rows, troubles.length)
  })

  it("explains every state, event and figure", () => {
    const page = read("guide/watching.md")
    const cells = new Set(
      rowsOf(page).flatMap(([first = ""]) => [...first.matchAll(/`(\w+)`/g)].map(([, name]) => name))
    )
    const taken = (path: string, pattern: RegExp) => [...read(path).matchAll(pattern)].map(([, name]) => name!)
    const figures = [...read("src/ConnectionMetrics.ts").matchAll(/interface \w+(?: extends \w+)? \{([\s\S]*?)\n\}/g)]
      .map(([, body]) => body)
      .join("\n")
    const all = [
      ...taken("src/ConnectionState.ts", /readonly _tag: "(\w+)"/g),
      ...taken("src/ConnectionEvent.ts", /readonly _tag: "(\w+)"/g),
      ...[...figures.matchAll(/^ {2}readonly (\w+):/gm)].map(([, name]) => name!)
    ]
    assert.isAbove(all.length, 35)
    assert.deepStrictEqual(
      all.filter((name) => !cells.has(name)),
      []
    )
  })
})
