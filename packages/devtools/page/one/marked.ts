/** The entry that a click on a cause led to. */
import { signal } from "@preact/signals"

export const marked = signal<number | undefined>(undefined)

const idOf = (seq: number): string => `entry-${seq}`

export const goToEntry = (seq: number): void => {
  const entry = document.querySelector<HTMLElement>(`#${idOf(seq)}`)
  if (entry === null) return
  marked.value = seq
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches
  entry.scrollIntoView({ block: "center", behavior: isCalm ? "instant" : "smooth" })
  entry.focus({ preventScroll: true })
}

export { idOf as entryId }
