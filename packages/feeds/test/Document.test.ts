/**
 * Proves that the table of a frame's values agrees with `JSON.parse`: it refuses
 * what that refuses, and finds the same values under the same names.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Document from "../src/internal/json/document.ts"
import { isoMillis } from "../src/internal/json/isoTime.ts"
import { random } from "./support/random.ts"

const value = (next: () => number, depth: number): unknown => {
  const choice = Math.floor(next() * (depth > 3 ? 4 : 6))
  if (choice === 0) return [null, true, false][Math.floor(next() * 3)]
  if (choice === 1) return Math.round((next() - 0.3) * 1e6) / 10 ** Math.floor(next() * 6)
  if (choice === 2) return ["", "a", "12.50", "é€", "x".repeat(40), 'say "it"\\\n'][Math.floor(next() * 6)]
  if (choice === 3) return String(Math.floor(next() * 1e9) / 1000)
  const parts = Array.from({ length: Math.floor(next() * 4) }, () => value(next, depth + 1))
  return choice === 4 ? parts : Object.fromEntries(parts.map((part, at) => [`k${at}`, part]))
}

/** What the table says of a place, as `JSON.parse` would. */
const read = (node: number): unknown => {
  const kind = Document.kindOf(node)
  const children: Array<unknown> = []
  if (kind === Document.kindList) {
    for (let at = node + 1; at < Document.endOf(node); at = Document.after(at)) children.push(read(at))
    return children
  }
  if (kind === Document.kindObject) {
    const found: Record<string, unknown> = {}
    for (let at = node + 1; at < Document.endOf(node); at = Document.after(at + 1)) {
      const name = Document.rawOf(at)
      assert.strictEqual(Document.find(node, name), at + 1)
      found[name] = read(at + 1)
    }
    return found
  }
  const raw = Document.rawOf(node)
  if (kind === Document.kindText || kind === Document.kindEscaped) {
    const known = Document.valueOf(node)
    if (!Number.isNaN(known)) assert.strictEqual(known, Number(raw))
    return JSON.parse(`"${raw}"`)
  }
  if (kind === Document.kindNumber && !Number.isNaN(Document.valueOf(node)))
    assert.strictEqual(Document.valueOf(node), Number(raw))
  return JSON.parse(raw)
}

const accepts = (parse: (text: string) => unknown, text: string): boolean => {
  try {
    parse(text)
    return true
  } catch {
    return false
  }
}

describe("Document", () => {
  it("finds what JSON.parse finds, with and without white space", () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const wanted = value(random(seed), 0)
      for (const text of [JSON.stringify(wanted), ` ${JSON.stringify(wanted, undefined, "\t \r\n")} `]) {
        Document.parse(text)
        assert.deepStrictEqual(read(Document.root), JSON.parse(text) as never, `seed ${seed}: ${text}`)
      }
    }
  })

  it("refuses what JSON.parse refuses, after any one change of its signs", () => {
    const signs = ["", ",", ":", "[", "]", "{", "}", '"', " ", "x"]
    for (let seed = 1; seed <= 4000; seed++) {
      const next = random(seed)
      const text = JSON.stringify(value(next, 0))
      // Escapes are looked at when the text is read.
      if (text.includes("\\")) continue
      const at = Math.floor(next() * (text.length + 1))
      const changed =
        text.slice(0, at) + signs[Math.floor(next() * signs.length)]! + text.slice(at + Math.floor(next() * 2))
      // Numbers may be odd here; the reader of a decimal refuses them.
      if (/(?:^|[[:,\s])-?(?:0\d|\.|\d+\.(?:\D|$))/.test(changed)) continue
      assert.strictEqual(accepts(Document.parse, changed), accepts(JSON.parse, changed), `seed ${seed}: ${changed}`)
    }
  })

  it("has a bound for nesting", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`
    Document.parse(nested(32))
    assert.throws(() => Document.parse(nested(33)))
  })

  it("a table that grew for a large frame serves small ones", () => {
    const large = JSON.stringify(Array.from({ length: 50_000 }, (_, at) => [String(at), at]))
    for (const text of [large, "[1]", large]) {
      Document.parse(text)
      assert.deepStrictEqual(read(Document.root), JSON.parse(text) as never)
    }
  })

  it("dates are those of Date.parse, to the millisecond", () => {
    const usual = [
      "2026-11-28T10:00:00Z",
      "2026-11-28T23:59:59.9Z",
      "2024-02-29T00:00:00.123456789Z",
      "2025-01-01T01:02:03.04Z"
    ]
    const odd = [
      "2026-11-28",
      "2026-11-28T10:00:00+01:00",
      "2026-13-01T00:00:00Z",
      "2026-11-28T25:00:00Z",
      "2026-11-28T10:00:00.Z",
      "",
      "x"
    ]
    for (const text of [...usual, ...odd]) assert.isTrue(Object.is(isoMillis(text), Date.parse(text)), text)
  })
})
