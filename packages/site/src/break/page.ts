/** The page "Break it": shows what the world reports, and passes on its buttons. */
import * as Effect from "effect/Effect"
import type { ConnectionEvent } from "kharbranth/ConnectionEvent"
import type { ConnectionState } from "kharbranth/ConnectionState"
import type * as Inbox from "kharbranth/Inbox"
import * as World from "./world.ts"

const element = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

const mostLines = 60

/** Adds a line to a list, newest first. */
const say = (id: string, text: string, kind = ""): void => {
  const list = element(id)
  const item = document.createElement("li")
  item.textContent = text
  item.className = kind
  list.prepend(item)
  while (list.children.length > mostLines) list.lastElementChild?.remove()
}

const stateText = (state: ConnectionState): string => {
  switch (state._tag) {
    case "Connected":
      return `Connected, session ${state.epoch}, ${state.gate}`
    case "Connecting":
      return `Connecting, ${state.gate}`
    case "Reconnecting":
      return `Reconnecting, after ${state.cause._tag}`
    case "Failed":
      return `Failed: ${state.error.message}`
    default:
      return state._tag
  }
}

const entryText = (entry: Inbox.Entry<string>): string => {
  switch (entry._tag) {
    case "Message":
      return entry.message
    case "Gap":
      return `Gap: prices may be missing here (${entry.cause._tag})`
    case "Lagged":
      return `Lagged: ${entry.dropped} dropped, because you read too slowly`
    case "SessionOpened":
      return `SessionOpened ${entry.epoch}`
  }
}

const eventText = (event: ConnectionEvent): string | undefined => {
  switch (event._tag) {
    case "ControlReceived":
    case "PulseSeen":
      return undefined
    case "SessionEnded":
      return `SessionEnded: ${event.error.message}`
    case "GatePassed":
      return `GatePassed: ${event.gate}`
    default:
      return event._tag
  }
}

const view: World.View = {
  state: (state) => {
    const shown = element("state")
    shown.textContent = stateText(state)
    shown.dataset["tag"] = state._tag
  },
  entry: (entry) => say("entries", entryText(entry), entry._tag),
  event: (event) => {
    const text = eventText(event)
    if (text !== undefined) say("events", text, event._tag)
  },
  ended: (message) => say("entries", `The stream failed: ${message}`, "Gap")
}

const press = (id: string, action: () => void): void => element(id).addEventListener("click", action)

/** A button that stays pressed. */
const toggle = (id: string, action: (on: boolean) => void): void =>
  press(id, () => {
    const on = element(id).getAttribute("aria-pressed") !== "true"
    element(id).setAttribute("aria-pressed", String(on))
    action(on)
  })

const program = Effect.gen(function* () {
  const actions = yield* World.make(view)
  press("half-open", actions.halfOpen)
  press("cut", actions.cut)
  press("restart", actions.restart)
  toggle("refuse", actions.refuse)
  toggle("slow", actions.slow)
  return yield* Effect.never
})

/** Begins with the page, and ends with it. */
export const start = (): void => {
  Effect.runFork(Effect.scoped(program))
}
