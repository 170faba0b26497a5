/**
 * Proves that the table of a frame's values agrees with `JSON.parse`: it refuses
 * what that refuses, and finds the same values under the same names.
 */
import { assert, describe, it } from "@effect/vitest"
import { worth } from "../src/internal/json/decimal.ts"
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
    // In any order, and what is not there is not found.
    const places = new Map<string, number>()
    for (let at = node + 1; at < Document.endOf(node); at = Document.after(at + 1))
      places.set(Document.rawOf(at), at + 1)
    for (const [name, place] of [...places].toReversed()) assert.strictEqual(Document.find(node, name), place)
    assert.strictEqual(Document.find(node, "nothing"), -1)
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
    const large = JSON.stringify(Array.from({ length: 5_000 }, (_, at) => [String(at), at]))
    for (const text of [large, "[1]", large]) {
      Document.parse(text)
      assert.deepStrictEqual(read(Document.root), JSON.parse(text) as never)
    }
  })

  it("texts beyond ASCII keep their places, whatever was parsed before and however long they are", () => {
    const room = Document.table.bytes.length
    const tails = ["", "é", "€", "😀", "\ud800", "é€😀"]
    for (const length of [1, 10, room - 20, room - 10, room - 9, room - 8, room - 7, room, 3 * room]) {
      for (const tail of tails) {
        const wanted = { a: "x".repeat(length) + tail, b: [`${tail}1`, 2.5], [`c${tail}`]: true }
        // What this leaves behind must not look like a part of the next text.
        Document.parse(JSON.stringify([`\\"${"y".repeat(2 * length)}`, "]}"]))
        const text = JSON.stringify(wanted).replaceAll("\\ud800", "\ud800")
        Document.parse(text)
        assert.strictEqual(Document.rawOf(Document.find(Document.root, "a")), wanted.a)
        const list = Document.find(Document.root, "b")
        assert.strictEqual(Document.rawOf(Document.nth(list, 0)), `${tail}1`)
        assert.strictEqual(Document.valueOf(Document.nth(list, 1)), 2.5)
        assert.strictEqual(Document.codeAt(Document.endOf(list) + 1), "t".charCodeAt(0))
      }
    }
  })

  it("a text that ends too soon is refused, whatever was parsed before", () => {
    const whole = JSON.stringify({ a: 'b\\"c', d: [1.5, "e\\", true, null, -2] })
    for (let length = 0; length < whole.length; length++) {
      Document.parse(whole)
      assert.throws(() => Document.parse(whole.slice(0, length)), undefined, undefined, whole.slice(0, length))
    }
  })

  it("what a decimal is worth is what `Number` says", () => {
    const odd = [
      "",
      ".",
      "1.",
      ".5",
      "-1.5",
      "1e-08",
      "1.2.3",
      "00.10",
      "x",
      " 1",
      "999999999999999",
      "0.00000000000001"
    ]
    for (const text of odd) assert.isTrue(Object.is(worth(text), Number(text)), text)
    for (let seed = 1; seed <= 20_000; seed++) {
      const next = random(seed)
      const digits = Array.from({ length: 1 + Math.floor(next() * 18) }, () => Math.floor(next() * 10)).join("")
      const point = Math.floor(next() * (digits.length + 3))
      const text = point > digits.length ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`
      assert.isTrue(Object.is(worth(text), Number(text)), `seed ${seed}: ${text}`)
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
