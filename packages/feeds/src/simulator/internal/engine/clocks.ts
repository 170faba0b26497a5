/** The clocks that run while a connection is open, and what happens when one of them is late. */
import type { Numbers } from "../../Simulator.ts"
import type { Agenda } from "./agenda.ts"
import type { Link } from "./link.ts"
import type { Rules } from "./rules.ts"

/** What a clock may do. */
export interface Ends {
  readonly now: number
  readonly ping: (link: Link) => void
  readonly close: (link: Link, code: number, reason: string) => void
  readonly cut: (link: Link) => void
  readonly violate: (link: Link, rule: string, detail: string) => void
}

export const start = (link: Link, numbers: Numbers, farewell: Rules["farewell"], agenda: Agenda, ends: Ends): void => {
  const { now } = ends
  /** Runs when so much time has passed since a moment that may move. */
  const watch = (millis: number | undefined, since: (now: number) => number, late: () => void): void => {
    if (millis === undefined) return
    const task = agenda.at(now + millis, (at) => {
      if (!link.open) return
      const due = since(at) + millis
      if (due <= at) late()
      else agenda.again(task, due)
    })
  }
  const broken = (rule: string, millis: number | undefined) => () => {
    ends.violate(link, rule, `nothing within ${millis ?? 0} ms`)
    if (farewell === undefined) ends.cut(link)
    else ends.close(link, farewell.code, farewell.reason)
  }
  const { clientSilence, firstSubscription, idle, maxAge, pushless, quiet, serverPing } = numbers
  watch(clientSilence, () => link.heardAt, broken("client silence", clientSilence))
  watch(quiet, () => Math.max(link.saidAt, link.heardAt), broken("quiet", quiet))
  watch(
    pushless,
    () => link.saidAt,
    () => ends.cut(link)
  )
  // An idle connection breaks no rule: it is only not wanted.
  watch(
    idle,
    (at) => (link.topics.size > 0 ? at : link.heardAt),
    () => ends.cut(link)
  )
  watch(
    firstSubscription,
    (at) => (link.subscribed ? at : link.openedAt),
    broken("first subscription", firstSubscription)
  )
  watch(
    maxAge,
    () => link.openedAt,
    () => ends.close(link, 1001, "")
  )
  if (serverPing === undefined) return
  const task = agenda.at(now + serverPing.every, (at) => {
    if (!link.open) return
    link.pingedAt ??= at
    ends.ping(link)
    agenda.again(task, at + serverPing.every)
  })
  watch(serverPing.deadline, (at) => link.pingedAt ?? at, broken("pong deadline", serverPing.deadline))
}
