/**
 * A dashboard without its server, over a network in memory: connections that are
 * made with `provide` are observed by it, and `look` is a viewer whose frames are kept.
 */
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ConnectionObserver from "kharbranth/ConnectionObserver"
import * as DialBudget from "kharbranth/DialBudget"
import * as Recorder from "kharbranth/Recorder"
import { CurrentFaults } from "../../src/internal/faults/faults.ts"
import { build, type Settings } from "../../src/internal/server/build.ts"
import type { Outlet } from "../../src/internal/viewer/viewer.ts"
import { type Fleet, fleetAfter, noFleet, noWindow, windowAfter } from "../../src/internal/wire/copy.ts"
import type { Frame, Request, Row } from "../../src/internal/wire/wire.ts"

type Of<T extends Frame["t"]> = Extract<Frame, { readonly t: T }>

/** What a viewer was sent, and how it was closed. */
export class Seen {
  readonly texts: Array<string> = []
  closed: { readonly code: number; readonly reason: string } | undefined
  /** What the socket would say of unsent bytes. */
  unsent = 0
  readonly outlet: Outlet = {
    write: (text) => void this.texts.push(text),
    waiting: () => this.unsent,
    close: (code, reason) => {
      this.closed = { code, reason }
    }
  }

  get frames(): ReadonlyArray<Frame> {
    return this.texts.map((text) => JSON.parse(text) as Frame)
  }

  all<T extends Frame["t"]>(t: T): ReadonlyArray<Of<T>> {
    return this.frames.filter((frame): frame is Of<T> => frame.t === t)
  }

  last<T extends Frame["t"]>(t: T): Of<T> | undefined {
    return this.all(t).at(-1)
  }

  /** The cells as a page has them after all frames. */
  get fleet(): Fleet {
    return this.copied(noFleet, (frame) => frame.t === "fleet" || frame.t === "cells", fleetAfter)
  }

  /** The rows as a page has them after all frames. */
  get rows(): ReadonlyArray<Row> {
    return this.copied(noWindow, (frame) => frame.t === "rows" || frame.t === "changes", windowAfter).rows
  }

  private copied<A, F extends Frame>(
    first: A,
    is: (frame: Frame) => frame is F,
    after: (copy: A, frame: F) => A | undefined
  ): A {
    return this.frames.filter(is).reduce((copy: A, frame) => {
      const next = after(copy, frame)
      if (next === undefined) assert.fail(`a frame of ${frame.t} is missing`)
      return next
    }, first)
  }
}

export const rig = Effect.fnUntraced(function* (settings: Partial<Settings> = {}) {
  const recording = yield* Layer.build(Recorder.layer())
  const recorder = Context.get(recording, Recorder.Recorder)
  const built = yield* build({ title: "test", commands: false, faults: false, ...settings }, recorder)
  const observing = yield* Layer.build(ConnectionObserver.layer(built.observer)).pipe(Effect.provide(recording))
  const context = Context.merge(recording, observing).pipe(
    Context.add(DialBudget.Observer, built.watchBudget),
    Context.add(CurrentFaults, built.faults)
  )
  const provide = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.provide(effect, context)
  const look = Effect.gen(function* () {
    const seen = new Seen()
    const viewer = yield* built.board.join(seen.outlet)
    const say = (request: Request): void => viewer.receive(JSON.stringify(request))
    return { seen, viewer, say }
  })
  return { ...built, recorder, provide, look }
})
