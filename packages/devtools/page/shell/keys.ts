/** What each key does. Keys with a modifier, and those typed into a field, stay the browser's. */
import { signal } from "@preact/signals"
import * as Why from "kharbranth/Why"
import type { CommandName } from "../../src/internal/wire/wire.ts"
import { confirmCommand, confirming, say } from "../state/asking.ts"
import { hello, link } from "../state/live.ts"
import { above, go, route } from "../state/route.ts"
import { subject } from "../state/subject.ts"
import { selectPlace, selected, selectedRow } from "../state/view.ts"

export const helping = signal(false)

export const keys: ReadonlyArray<readonly [key: string, does: string]> = [
  ["/", "filter by a part of a name or tag"],
  ["j  k", "select the next, the previous row"],
  ["Enter", "open the selected connection"],
  ["Esc", "back"],
  ["r", "restart, after a question"],
  ["o", "rotate, after a question"],
  ["p", "probe, after a question"],
  ["c", "close, after a question"],
  ["y", "copy the explanation"],
  ["?", "these keys"]
]

const copied = (text: string | undefined): void => {
  if (text === undefined) return say(false, "there is no explanation to copy")
  navigator.clipboard.writeText(text).then(
    () => say(true, "copied the explanation"),
    () => say(false, "the browser does not let this page copy")
  )
}

/** Copies the five lines of the open connection, or the one line of the selected row. */
export const copyWhy = (): void => {
  if (route.value.page !== "fleet") {
    const explanation = subject.value?.explanation
    return copied(explanation === undefined ? undefined : Why.print(explanation))
  }
  const row = selectedRow()
  copied(row?.why === undefined ? undefined : `${row.name}: ${row.why}`)
}

export const mayCommand = (): boolean => hello.value?.commands === true && link.value.is === "live"

const command = (name: CommandName) => (): void => {
  const row = route.value.page === "fleet" ? selectedRow() : subject.value?.row
  if (row === undefined) return
  if (mayCommand()) confirmCommand(name, row)
  else say(false, hello.value?.commands === true ? "the program is away" : "this dashboard may only look")
}

const move = (by: number) => (): void => {
  if (route.value.page === "fleet") selectPlace(selected.value + by)
}

const openSelected = (): void => {
  const row = route.value.page === "fleet" ? selectedRow() : undefined
  if (row !== undefined) go({ page: "connection", id: row.id })
}

const back = (): void => {
  if (route.value.page !== "fleet") go(above(route.value))
}

/** Whether there is a field to type into. */
const focusFilter = (): boolean => {
  const field = document.querySelector<HTMLInputElement>("#filter")
  field?.focus()
  return field !== null
}

/** At once where it can: the next key that is typed must not be taken for a command. */
const filter = (): void => {
  if (focusFilter()) return
  go({ page: "fleet" })
  requestAnimationFrame(focusFilter)
}

const actions: Readonly<Record<string, () => void>> = {
  "/": filter,
  "j": move(1),
  "k": move(-1),
  "ArrowDown": move(1),
  "ArrowUp": move(-1),
  "PageDown": move(20),
  "PageUp": move(-20),
  "Home": move(-Infinity),
  "End": move(Infinity),
  "Enter": openSelected,
  "Escape": back,
  "r": command("restart"),
  "o": command("rotate"),
  "p": command("probe"),
  "c": command("close"),
  "y": copyWhy,
  "?": () => (helping.value = true)
}

/** Keys that scroll a page; they are ours where the table has the focus, or nothing has. */
const scrolling = new Set(["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"])

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches("input, textarea, select")

const isOurs = ({ key, target }: KeyboardEvent): boolean => {
  if (!(target instanceof HTMLElement) || target === document.body) return true
  if (scrolling.has(key)) return target.matches("[role=grid]")
  // A focused button or link takes Enter itself.
  return key !== "Enter" || !target.matches("a, button, summary")
}

export const takeKeys = (): void => {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || confirming.value !== undefined || helping.value) return
    if (isTyping(event.target)) {
      if (event.key === "Escape" || event.key === "Enter") document.querySelector<HTMLElement>("[role=grid]")?.focus()
      return
    }
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined
    if (action === undefined || !isOurs(event)) return
    event.preventDefault()
    action()
  })
}
