/** One connection, as the engine knows it. */
import type { Numbers } from "../../Simulator.ts"
import type { Entry } from "./recorder.ts"
import type { Connection, Memory, Subscription } from "./rules.ts"
import { Window } from "./window.ts"

export interface Held extends Subscription {
  readonly entry: Entry
  /** Granted, but nothing comes. */
  readonly silent: boolean
  /** An update that goes out after the next one. */
  late: (() => void) | undefined
}

export class Link implements Connection {
  readonly id: number
  readonly url: URL
  readonly from: string
  readonly openedAt: number
  readonly topics = new Map<string, Held>()
  readonly memory: Memory = { count: 0, flags: 0, ids: new Map(), channels: 0 }
  readonly inbound: Window | undefined
  readonly operations: Window | undefined
  heardAt: number
  saidAt: number
  /** When the oldest ping went out that no pong has answered. */
  pingedAt: number | undefined
  stalledUntil = 0
  open = true
  /** Nothing goes either way any more. */
  deaf = false
  subscribed = false
  /** The length of all its topics' names. */
  characters = 0

  constructor(id: number, url: URL, from: string, at: number, { inbound, operations }: Numbers) {
    this.id = id
    this.url = url
    this.from = from
    this.openedAt = at
    this.heardAt = at
    this.saidAt = at
    this.inbound = inbound === undefined ? undefined : new Window(inbound.limit, inbound.window)
    this.operations = operations === undefined ? undefined : new Window(operations.limit, operations.window)
  }

  /** Whether what the venue says reaches the client. */
  hears(now: number): boolean {
    return this.open && !this.deaf && now >= this.stalledUntil
  }
}
