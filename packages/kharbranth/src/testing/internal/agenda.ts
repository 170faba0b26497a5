/**
 * The network's one timer: things to do at virtual times, in order of time and
 * then of arrival. One fiber sleeps until the next of them, and there is no
 * fiber and no timer while nothing is due.
 */
import type * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { quantise, waitOf } from "./bytes.ts"

/** Something to do later. */
export interface Task {
  readonly time: number
  readonly order: number
  run: (() => void) | undefined
}

export interface Agenda {
  /** Virtual milliseconds on the outer clock. */
  now(): number
  /** Runs `f` at a time, or as soon as the caller has returned. */
  at(time: number, f: () => void): Task
  after(millis: number, f: () => void): Task
  cancel(task: Task): void
}

const before = (a: Task, b: Task): boolean => a.time < b.time || (a.time === b.time && a.order < b.order)

const push = (heap: Array<Task>, task: Task): void => {
  let i = heap.length
  heap.push(task)
  while (i > 0) {
    const parent = (i - 1) >> 1
    if (!before(task, heap[parent]!)) break
    heap[i] = heap[parent]!
    i = parent
  }
  heap[i] = task
}

const pop = (heap: Array<Task>): Task | undefined => {
  const top = heap[0]
  const last = heap.pop()
  if (top === undefined || last === undefined || heap.length === 0) return top
  let i = 0
  while (true) {
    let child = 2 * i + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
    if (!before(heap[child]!, last)) break
    heap[i] = heap[child]!
    i = child
  }
  heap[i] = last
  return top
}

// A receiver that throws breaks its contract: the test run must hear of it,
// and the other sockets must go on.
const runTask = (run: () => void): void => {
  try {
    run()
  } catch (cause) {
    queueMicrotask(() => {
      throw cause
    })
  }
}

// Enough to finish any honest exchange at one instant, few enough that two
// peers who answer each other without latency cannot hang the test.
const turn = 4096

export const make = (clock: Clock.Clock, services: Context.Context<never>): Effect.Effect<Agenda, never, Scope.Scope> =>
  Effect.gen(function* () {
    const heap: Array<Task> = []
    const fork = Effect.runForkWith(services)
    let order = 0
    let armed = Infinity
    let working = false
    let closed = false
    let driver: Fiber.Fiber<void> | undefined

    const now = () => clock.currentTimeMillisUnsafe()

    const work = () => {
      working = true
      let left = turn
      while (left-- > 0 && heap.length > 0 && heap[0]!.time <= now()) {
        const task = pop(heap)!
        const run = task.run
        if (run === undefined) continue
        task.run = undefined
        runTask(run)
      }
      while (heap.length > 0 && heap[0]!.run === undefined) pop(heap)
      working = false
    }

    const drive = Effect.gen(function* () {
      yield* Effect.yieldNow
      while (!closed) {
        work()
        const next = heap[0]
        armed = next === undefined ? Infinity : next.time
        if (next === undefined) return
        const wait = next.time - now()
        yield* wait > 0 ? clock.sleep(waitOf(wait)) : Effect.yieldNow
      }
    })

    const arm = (time: number) => {
      if (working || closed || time >= armed) return
      armed = time
      driver?.interruptUnsafe()
      driver = fork(drive)
    }

    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        closed = true
        heap.length = 0
        driver?.interruptUnsafe()
      })
    )

    const at = (time: number, f: () => void): Task => {
      const task: Task = { time: quantise(Math.max(time, now())), order: order++, run: f }
      if (!closed) {
        push(heap, task)
        arm(task.time)
      }
      return task
    }

    return {
      now,
      at,
      after: (millis, f) => at(now() + millis, f),
      cancel: (task) => {
        task.run = undefined
      }
    }
  })
