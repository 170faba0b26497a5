/** How the page writes counts, rates, sizes, durations and times. */

const two = (n: number): string => String(n).padStart(2, "0")

export const grouped = (n: number): string => Math.round(n).toLocaleString("en-US")

const scaled = (n: number, base: number, units: ReadonlyArray<string>): string => {
  let value = n
  let unit = 0
  while (value >= base * 0.9995 && unit < units.length - 1) {
    value /= base
    unit++
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return `${value.toFixed(digits)}${units[unit]}`
}

/** `847`, `12.3 k`, `4.0 M`. */
export const count = (n: number): string => scaled(n, 1000, ["", " k", " M", " G"])

export const bytes = (n: number): string => scaled(n, 1024, [" B", " KiB", " MiB", " GiB"])

/** A rate; small ones show that they are not nothing. */
export const rate = (n: number): string => (n > 0 && n < 9.95 ? n.toFixed(1) : count(n))

/** Milliseconds as people say them: `240 ms`, `11.4 s`, `2 m 05 s`, `3 h 12 m`, `8 d 04 h`. */
export const span = (millis: number): string => {
  if (millis < 1000) return `${Math.max(0, Math.round(millis))} ms`
  if (millis < 60_000) return `${(Math.floor(millis / 100) / 10).toFixed(1)} s`
  const seconds = Math.floor(millis / 1000)
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${two(minutes % 60)} m` : `${Math.floor(hours / 24)} d ${two(hours % 24)} h`
}

/** A round-trip time. */
export const millis = (n: number): string => (n < 9.95 ? `${n.toFixed(1)} ms` : span(n))

/** A moment of a recording on its wall clock, in UTC as explanations write it: `12:03:20.1`. */
export const clock = (startedAt: string, at: number): string => {
  const start = Date.parse(startedAt)
  return Number.isNaN(start) ? span(at) : new Date(start + at).toISOString().slice(11, 21)
}
