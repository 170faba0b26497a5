/** How long until a moment of the program, counting down. */
import { tick } from "../state/tick.ts"
import { span } from "./numbers.ts"

/** `until`: Unix milliseconds, by the program's clock. */
export const Countdown = ({ until }: { readonly until: number }) => {
  const left = Math.ceil((until - tick.value) / 100) / 10
  return <span>{left <= 0 ? "now" : left < 60 ? `${left.toFixed(1)} s` : span(left * 1000)}</span>
}
