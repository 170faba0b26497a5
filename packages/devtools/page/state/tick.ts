/** A clock for countdowns. It runs only while something shows one. */
import { signal } from "@preact/signals"
import { programNow } from "./live.ts"

let timer: ReturnType<typeof setInterval> | undefined

/** The program's time in Unix milliseconds, five times a second. */
export const tick = signal(0, {
  watched: () => {
    tick.value = programNow()
    timer = setInterval(() => (tick.value = programNow()), 200)
  },
  unwatched: () => clearInterval(timer)
})
