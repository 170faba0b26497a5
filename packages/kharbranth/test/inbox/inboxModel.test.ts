// Proves that the inbox loses nothing that it does not count and mark, repeats
// nothing, keeps order across sessions, and keeps its bounds: against a plain
// list model over random runs, which also catch eleven planted bugs.
import { assert, describe, it } from "@effect/vitest"
import * as Public from "../../src/Inbox.ts"
import { Inbox, type Lane } from "../../src/internal/inbox/inbox.ts"
import {
  backpressure,
  type BackpressureOwner,
  controlBy,
  type MakeControl
} from "../../src/internal/transport/backpressure.ts"
import type { Frame } from "../../src/Message.ts"
import type { Msg } from "./inboxModel.ts"
import { type Make, randomRuns, real, run } from "./inboxRun.ts"

randomRuns(800)

describe("mutants of the inbox", () => {
  const mutants: Record<string, Make> = {
    "a reader that ends early leaves no marker": (options) =>
      new (class extends Inbox<Msg> {
        override release(): void {
          this.await(() => {})
          super.release()
        }
      })(options),
    "a taken batch is delivered twice": (options) => {
      let last: ReturnType<Inbox<Msg>["take"]>
      return new (class extends Inbox<Msg> {
        override take(): ReturnType<Inbox<Msg>["take"]> {
          const taken = super.take()
          const again = last
          last = taken
          return taken ?? again
        }
      })(options)
    },
    "what goes far beyond the mark within a turn is lost": (options) =>
      new (class extends Inbox<Msg> {
        override push(lane: Lane<Msg>, frame: Frame, size: number): void {
          if (this.bytes + size < options.highWaterMark * 2) super.push(lane, frame, size)
        }
      })(options),
    "sizes are off by one": (options) =>
      new (class extends Inbox<Msg> {
        override push(lane: Lane<Msg>, frame: Frame, size: number): void {
          super.push(lane, frame, size + 1)
        }
      })(options),
    "a claimed message is still delivered": (options) =>
      new (class extends Inbox<Msg> {
        override addTap(): () => void {
          return super.addTap({ claim: () => false })
        }
      })(options),
    "a drop is counted twice": (options) =>
      real({
        ...options,
        owner: { ...options.owner, drop: (where, reason, count) => options.owner.drop(where, reason, count * 2) }
      }),
    "the newest are dropped where the oldest should be": (options) =>
      real({
        ...options,
        overflow: options.overflow === "dropOldest" ? { shed: Public.dropNewest } : options.overflow
      }),
    "everything has the same key": (options) =>
      real({
        ...options,
        overflow: typeof options.overflow === "object" ? { shed: Public.conflate, key: () => 1 } : options.overflow
      }),
    "the low mark is the high mark": (options) =>
      new (class extends Inbox<Msg> {
        protected override relax(): void {
          if (this.bytes < options.highWaterMark) this.pausing?.resume()
        }
      })(options),
    "a marker overtakes what came before it in the turn": (options) =>
      new (class extends Inbox<Msg> {
        override mark(entry: Public.SessionOpened | Public.Gap | Public.Lagged): void {
          this.backlog.addMarker(entry._tag === "Lagged" ? { ...entry } : entry)
        }
      })(options)
  }
  const neverStalled: MakeControl = (inbox, owner) => {
    const of: BackpressureOwner["deadlines"]["of"] = (name, fire) =>
      owner.deadlines.of(name, () => {
        pausing.moved()
        fire()
      })
    const pausing = controlBy(backpressure)(inbox, { ...owner, deadlines: { of } })
    return pausing
  }

  const catches = (name: string, make: Make, hold?: MakeControl) =>
    it(`catches: ${name}`, () => {
      let caught = false
      for (let seed = 1; seed <= 200 && !caught; seed++) caught = run(seed, make, hold) !== undefined
      assert.isTrue(caught)
    })

  for (const [name, make] of Object.entries(mutants)) catches(name, make)
  catches("a stall never ends", real, neverStalled)
})
