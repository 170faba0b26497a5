/**
 * What the garbage collector takes. A major collection of a heap with ten thousand
 * connections takes longer than anything that a viewer causes, and comes once in a
 * minute or so: whichever measurement it falls into is wrong by it. So a measurement
 * begins with one, and its share is reckoned from how fast the old space fills up.
 */
import { constants, PerformanceObserver } from "node:perf_hooks"
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const majors: ReadonlySet<number> = new Set([
  constants.NODE_PERFORMANCE_GC_MAJOR,
  constants.NODE_PERFORMANCE_GC_INCREMENTAL
])

/** When major collections and their steps began, by `performance.now()`. */
const begins: Array<number> = []

const watching = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { detail } = entry as unknown as { readonly detail: { readonly kind: number } }
    if (majors.has(detail.kind)) begins.push(entry.startTime)
  }
})

/** Begins to note major collections. Returns what ends that. */
export const watch = (): (() => void) => {
  watching.observe({ entryTypes: ["gc"] })
  return () => watching.disconnect()
}

/** Whether there was a major collection, or a step of one, within a time. Its entries come in a later turn. */
export const hadMajor = (from: number, to: number): boolean => begins.some((at) => at >= from && at < to)

/** Bytes in the spaces that only major collections clean up. */
export const oldBytes = (): number => {
  let bytes = 0
  for (const { space_name, space_used_size } of getHeapSpaceStatistics())
    if (!space_name.startsWith("new_")) bytes += space_used_size
  return bytes
}

/** Collects everything. Returns how much CPU time that took, in milliseconds, of all threads. */
export const collectAll = (): number => {
  const before = process.cpuUsage()
  collect()
  const { system, user } = process.cpuUsage(before)
  return (system + user) / 1_000
}
