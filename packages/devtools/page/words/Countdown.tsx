/** How long until a moment, counting down. */
import { tick } from "../state/tick.ts"
import { span } from "./numbers.ts"

/** `until`: Unix milliseconds of the program, or of this page's clock. */
export const Countdown = ({ ofPage = false, until }: { readonly until: number; readonly ofPage?: boolean }) => {
  const now = ofPage ? Date.now() + tick.value * 0 : tick.value
  const left = Math.ceil((until - now) / 100) / 10
  return <span>{left <= 0 ? "now" : left < 60 ? `${left.toFixed(1)} s` : span(left * 1000)}</span>
}
