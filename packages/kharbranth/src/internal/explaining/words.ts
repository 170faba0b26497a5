/** How explanations write durations, times and counts. */

import * as DateTime from "effect/DateTime"
import * as Option from "effect/Option"

const two = (n: number): string => String(n).padStart(2, "0")

/** Milliseconds as people say them: `11.4 s`, `2 m 05 s`, `3 h 12 m`. */
export const span = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)} ms`
  if (millis < 60_000) return `${(Math.floor(millis / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(millis / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} m ${two(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`
}

/** A moment of a recording on its wall clock, in UTC. */
export const time = (startedAt: string, at: number): string => {
  const start = DateTime.make(startedAt)
  if (Option.isNone(start)) return "an unknown time"
  return DateTime.formatIso(DateTime.add(start.value, { milliseconds: at })).slice(11, 21)
}

export const count = (n: number, one: string, more = `${one}s`): string =>
  `${n.toLocaleString("en-US")} ${n === 1 ? one : more}`
