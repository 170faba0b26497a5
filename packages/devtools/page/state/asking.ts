/** What the page asks of the program, and what became of it. */
import { effect, signal } from "@preact/signals"
import type { CommandName, FaultName, Outcome, Request } from "../../src/internal/wire/wire.ts"
import { again, ask } from "./live.ts"
import { route } from "./route.ts"
import { view } from "./view.ts"

type Send = (request: Request) => void

/** What a session begins with: everything that the page wants to go on seeing. */
export const opening = (): ReadonlyArray<Request> => {
  const at = route.value
  return [
    { t: "view", view: view.value },
    { t: "open", id: at.page === "connection" ? at.id : undefined },
    { t: "budget", on: at.page === "budget" }
  ]
}

let send: Send = () => {}

/** Keeps the program informed of what the page wants to see. */
export const follow = (through: Send): void => {
  send = through
  effect(() => send({ t: "view", view: view.value }))
  effect(() => {
    if (again.value > 0) send({ t: "again" })
  })
  effect(() => {
    const at = route.value
    send({ t: "open", id: at.page === "connection" ? at.id : undefined })
    send({ t: "budget", on: at.page === "budget" })
  })
}

export interface Deed {
  /** On the button and in the question. */
  readonly verb: string
  readonly of: string
  /** What it does, in a sentence. */
  readonly effect: string
  readonly request: (ask: number) => Request
}

/** The deed that waits for a "yes". */
export const confirming = signal<Deed | undefined>(undefined)

export interface Notice {
  readonly ok: boolean
  readonly text: string
}

export const notice = signal<Notice | undefined>(undefined)

let fading: ReturnType<typeof setTimeout> | undefined

export const say = (ok: boolean, text: string): void => {
  notice.value = { ok, text }
  clearTimeout(fading)
  fading = setTimeout(() => (notice.value = undefined), ok ? 4000 : 10_000)
}

export const perform = ({ of, request, verb }: Deed): void => {
  const answered = ({ ok, text }: Outcome) => say(ok, `${verb} ${of}: ${text}`)
  send(request(ask(answered)))
}

const effects: Readonly<Record<CommandName, string>> = {
  restart: "The session is cut, and a new one is dialed. Its reader sees a gap.",
  rotate: "A successor is dialed, and takes over when it is ready.",
  probe: "The session is asked for a sign of life, with a short deadline.",
  close: "The connection ends for good. It does not dial again."
}

const capital = (word: string): string => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`

export const confirmCommand = (command: CommandName, { id, name }: { readonly id: number; readonly name: string }) => {
  confirming.value = {
    verb: capital(command),
    of: name,
    effect: effects[command],
    request: (ask) => ({ t: "do", ask, command, id })
  }
}

export type Where = { readonly id: number } | { readonly origin: string }

const faultEffects: Readonly<Record<FaultName | "heal", string>> = {
  "half-open": "The sockets stay open, and nothing arrives any more in either direction.",
  "cut": "The sockets are cut without a close frame.",
  "401": "Dials are refused with HTTP 401 until you heal it.",
  "1013": "The sockets are closed with code 1013, try again later.",
  "slow": "Everything arrives late until you heal it.",
  "heal": "What was broken here and lasts, ends."
}

export const confirmFault = (fault: FaultName | "heal", of: string, where: Where): void => {
  confirming.value = {
    verb: fault === "heal" ? "Heal" : `Break (${fault})`,
    of,
    effect: faultEffects[fault],
    request: (ask) => ({ t: "break", ask, fault, where })
  }
}
