/** Puts the parts together: the link hears into the signals, the keys act, the document shows. */
import { effect, untracked } from "@preact/signals"
import { render } from "preact"
import { connect } from "../link/link.ts"
import * as Asking from "../state/asking.ts"
import { takeDrops } from "../state/file.ts"
import { hear, hello, stand, table } from "../state/live.ts"
import { answered, followSelection } from "../state/view.ts"
import { App } from "./App.tsx"
import { takeKeys } from "./keys.ts"

export const start = (root: Element): void => {
  render(<App />, root)
  takeKeys()
  takeDrops()
  effect(() => {
    const { from } = table.value
    untracked(() => {
      answered(from)
      followSelection()
    })
  })
  effect(() => {
    document.title = hello.value === undefined ? "Kharbranth" : `${hello.value.title} · Kharbranth`
  })
  Asking.follow(
    connect({
      frame: hear,
      link: stand,
      opening: Asking.opening
    })
  )
}
