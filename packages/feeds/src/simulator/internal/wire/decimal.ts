/** Whole steps as decimal text, in the ways that venues write numbers. */

const powers = Array.from({ length: 20 }, (_, index) => 10 ** index)

/** With exactly so many digits after the point. */
export const fixed = (steps: number, digits: number): string => {
  if (digits === 0) return String(steps)
  const power = powers[digits] ?? 1
  const whole = Math.floor(steps / power)
  return `${whole}.${String(steps - whole * power).padStart(digits, "0")}`
}

/** With zeros at the end up to so many digits. */
export const padded = (steps: number, digits: number, wanted: number): string =>
  digits >= wanted
    ? fixed(steps, digits)
    : fixed(steps, digits) + (digits === 0 ? "." : "") + "0".repeat(wanted - digits)

/** Without zeros at the end. */
export const trimmed = (steps: number, digits: number): string =>
  digits === 0 ? String(steps) : fixed(steps, digits).replace(/\.?0+$/, "")

/** As JSON prints a number: tiny ones have an exponent, `7e-7`. */
export const printed = (steps: number, digits: number): string => String(Number(fixed(steps, digits)))
