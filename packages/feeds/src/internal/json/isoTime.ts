/**
 * Dates as venues write them, `2026-08-09T12:34:56.123456Z`. `Date.parse` takes
 * longer than the rest of a frame, so the day is remembered and the time of day
 * is read digit by digit; anything unusual goes to `Date.parse`.
 */

let lastDay = ""
let lastMidnight = Number.NaN

const digitAt = (text: string, at: number): number => {
  const digit = text.charCodeAt(at) - 48
  return digit >= 0 && digit <= 9 ? digit : Number.NaN
}

const pairAt = (text: string, at: number): number => digitAt(text, at) * 10 + digitAt(text, at + 1)

const midnightOf = (text: string): number => {
  if (!text.startsWith(lastDay) || lastDay === "") {
    lastDay = text.slice(0, 10)
    lastMidnight = Date.parse(`${lastDay}T00:00:00Z`)
  }
  return lastMidnight
}

/** Unix milliseconds; NaN if it is no date. Digits beyond the milliseconds are dropped. */
export const isoMillis = (text: string): number => {
  const length = text.length
  const isUsual =
    length >= 20 && text.charCodeAt(10) === 84 && text.charCodeAt(length - 1) === 90 && text.charCodeAt(13) === 58
  const hours = pairAt(text, 11)
  const minutes = pairAt(text, 14)
  const seconds = pairAt(text, 17)
  if (!isUsual || text.charCodeAt(16) !== 58 || !(hours < 24 && minutes < 60 && seconds < 60)) return Date.parse(text)
  let millis = 0
  if (length > 20) {
    if (text.charCodeAt(19) !== 46 || length === 21) return Number.NaN
    let worth = 100
    for (let at = 20; at < length - 1; at++) {
      const digit = digitAt(text, at)
      if (Number.isNaN(digit)) return Number.NaN
      millis += digit * worth
      worth = worth > 1 ? worth / 10 : 0
    }
  }
  return midnightOf(text) + ((hours * 60 + minutes) * 60 + seconds) * 1000 + millis
}
