/** Clocks for what counts by itself. Each runs only while something shows its time. */
import { signal } from "@preact/signals"
import { programNow } from "./live.ts"

/** The program's time in Unix milliseconds, as often as that. */
const every = (millis: number) => {
  let timer: ReturnType<typeof setInterval> | undefined
  const time = signal(0, {
    watched: () => {
      time.value = programNow()
      timer = setInterval(() => (time.value = programNow()), millis)
    },
    unwatched: () => clearInterval(timer)
  })
  return time
}

/** For what counts down. */
export const tick = every(200)

/** For what counts up. */
export const second = every(1000)
