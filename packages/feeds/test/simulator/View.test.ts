/**
 * Proves that a client which applies what a window's steps say holds the window:
 * with removals told, and where the client itself cuts what better levels push out.
 */
import { assert, describe, it } from "@effect/vitest"
import { View } from "../../src/simulator/internal/engine/view.ts"
import { Instrument } from "../../src/simulator/internal/market/instrument.ts"
import type { Level } from "../../src/simulator/internal/market/side.ts"
import { listed } from "../../src/simulator/internal/market/assets.ts"

/** A client's side of a book, best first. */
class Client {
  levels: Array<readonly [number, number]>
  private readonly sign: number
  private readonly depth: number

  constructor(levels: ReadonlyArray<Level>, sign: number, depth: number) {
    this.levels = levels.map(([ticks, lots]) => [ticks, lots] as const)
    this.sign = sign
    this.depth = depth
  }

  apply(changes: ReadonlyArray<Level>): void {
    for (const [ticks, lots, before = 0] of changes) {
      const known = this.levels.find((level) => level[0] === ticks)?.[1] ?? 0
      assert.strictEqual(before, known, "a change says what the client holds")
      this.levels = this.levels.filter((level) => level[0] !== ticks)
      if (lots > 0) this.levels.push([ticks, lots])
    }
    this.levels.sort((a, b) => this.sign * (a[0] - b[0]))
    this.levels = this.levels.slice(0, this.depth)
  }
}

describe("View", () => {
  for (const seed of [1, 2]) {
    for (const depth of [1, 5, 25, 30, 200]) {
      for (const pushed of ["removed", "untold"] as const) {
        it(`seed ${seed}, depth ${depth}, pushed out levels are ${pushed}`, () => {
          for (const asset of listed(7)) {
            const pace = { levels: 30, trading: 0.5 }
            const instrument = new Instrument(asset, asset.base, { price: seed, book: seed * 7 }, pace, 0)
            const view = new View(instrument, depth, pushed)
            const { asks, bids } = view.window
            const clients = { bids: new Client(bids, -1, depth), asks: new Client(asks, 1, depth) }
            for (let at = 1; at < 150; at++) {
              const changes = view.move(instrument.step(at * 500).change)
              clients.bids.apply(changes.bids)
              clients.asks.apply(changes.asks)
              const plain = (levels: ReadonlyArray<Level>) => levels.map(([ticks, lots]) => [ticks, lots] as const)
              assert.deepStrictEqual(clients.bids.levels, plain(view.window.bids))
              assert.deepStrictEqual(clients.asks.levels, plain(view.window.asks))
            }
          }
        })
      }
    }
  }
})
