/** Who may dial and who may ask over HTTP: rolling windows, bans and closed doors. */
import type { Numbers } from "../../Simulator.ts"
import { Window } from "./window.ts"

interface Visitor {
  readonly dials: Window | undefined
  readonly requests: Window | undefined
  bannedUntil: number
  /** Until when HTTP requests are refused, and how many were refused in a row. */
  shutUntil: number
  refusals: number
  /** Until when a dial is accepted and cut at once. */
  penaltyUntil: number
}

export interface Refused {
  readonly status: number
  readonly wait: number
  /** Undefined where it was not the client's fault. */
  readonly rule: string | undefined
  readonly ban: boolean
}

const closed = (status: number, wait: number): Refused => ({ status, wait, rule: undefined, ban: false })

interface Door {
  status: number
  until: number
  wait: number
}

export class Gate {
  private readonly visitors = new Map<string, Visitor>()
  private readonly doors = new Map<"dials" | "requests", Door>()
  private readonly numbers: Numbers

  constructor(numbers: Numbers) {
    this.numbers = numbers
  }

  /** Answers everything of a kind with a status for a while. */
  shut(kind: "dials" | "requests", status: number, until: number, wait: number): void {
    this.doors.set(kind, { status, until, wait })
  }

  penalise(from: string, until: number): void {
    this.visitor(from).penaltyUntil = until
  }

  isPenalised(from: string, now: number): boolean {
    return now < this.visitor(from).penaltyUntil
  }

  dial(from: string, open: number, now: number): Refused | undefined {
    const visitor = this.visitor(from)
    const { connections, dials } = this.numbers
    const door = this.doors.get("dials")
    const inTime = visitor.dials?.take(now) ?? true
    if (door !== undefined && now < door.until) return closed(door.status, door.wait)
    if (dials !== undefined && now < visitor.bannedUntil)
      return { status: dials.status, wait: visitor.bannedUntil - now, rule: "dial while banned", ban: false }
    if (dials !== undefined && !inTime) {
      visitor.bannedUntil = now + dials.ban
      return {
        status: dials.status,
        wait: Math.max(dials.ban, visitor.dials?.wait(now) ?? 0),
        rule: "dials",
        ban: dials.ban > 0
      }
    }
    if (connections !== undefined && open >= connections)
      return { status: 429, wait: 0, rule: "connections", ban: false }
    return undefined
  }

  request(from: string, weight: number, now: number): Refused | undefined {
    const visitor = this.visitor(from)
    const rule = this.numbers.requests
    const door = this.doors.get("requests")
    if (door !== undefined && now < door.until) return closed(door.status, door.wait)
    if (rule === undefined || visitor.requests === undefined) return undefined
    const { ban, status } = rule
    const isBanned = ban !== undefined && now < visitor.shutUntil
    if (isBanned) return { status: ban.status, wait: visitor.shutUntil - now, rule: "request while banned", ban: false }
    if (visitor.requests.take(now, weight)) {
      visitor.refusals = 0
      return undefined
    }
    if (ban === undefined || ++visitor.refusals < ban.after)
      return { status, wait: visitor.requests.wait(now), rule: "requests", ban: false }
    visitor.shutUntil = now + ban.millis
    return { status: ban.status, wait: ban.millis, rule: "requests", ban: true }
  }

  private visitor(from: string): Visitor {
    const known = this.visitors.get(from)
    if (known !== undefined) return known
    const { dials, requests } = this.numbers
    const visitor: Visitor = {
      dials: dials === undefined ? undefined : new Window(dials.limit, dials.window),
      requests: requests === undefined ? undefined : new Window(requests.limit, requests.window),
      bannedUntil: 0,
      shutUntil: 0,
      refusals: 0,
      penaltyUntil: 0
    }
    this.visitors.set(from, visitor)
    return visitor
  }
}
