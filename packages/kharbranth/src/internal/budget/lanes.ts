/**
 * The queues of the dial budget. Dials that need the same keys wait in one lane, by
 * priority and then in order. The first of a lane goes when all of the lane's gates
 * let it. So several limits hold at once, and no dial occupies one limit while it
 * waits for another.
 */
import * as Duration from "effect/Duration"
import type { Verdict } from "../../DialBudget.ts"
import type { DialWaiting } from "../../ConnectionEvent.ts"
import { Gate, type Rules } from "./gate.ts"
import type { Timer } from "../kit/timers.ts"
import { nextMicrotask } from "../kit/microtask.ts"

export interface Ticket {
  /** Whose dial it is. */
  readonly connection: string
  readonly lane: Lane
  readonly priority: number
  /** The order in which tickets were asked for. */
  readonly number: number
  readonly granted: () => void
  phase: "waiting" | "dialing" | "over"
  /** The gates whose breaker it probes. */
  probes: ReadonlyArray<Gate>
}

export interface Lane {
  readonly id: string
  /** The egress key's gate first. */
  readonly gates: ReadonlyArray<Gate>
  /** By priority, highest first. */
  readonly waiting: Map<number, Set<Ticket>>
  readonly timer: Timer
}

const firstOf = (lane: Lane): Ticket | undefined => {
  let best: Set<Ticket> | undefined
  let highest = -Infinity
  for (const [priority, tickets] of lane.waiting) {
    if (priority > highest) {
      highest = priority
      best = tickets
    }
  }
  return best?.values().next().value
}

/** The first tickets of a lane, at most so many. */
const firstsOf = ({ waiting }: Lane, most: number): ReadonlyArray<Ticket> => {
  const firsts: Array<Ticket> = []
  for (const [, tickets] of [...waiting].toSorted(([a], [b]) => b - a)) {
    for (const ticket of tickets) {
      if (firsts.length === most) return firsts
      firsts.push(ticket)
    }
  }
  return firsts
}

/** How many of those that wait are named. */
const namedAtMost = 8

const before = (a: Ticket, b: Ticket): boolean =>
  a.priority === b.priority ? a.number < b.number : a.priority > b.priority

const admitAt = (lane: Lane, now: number): number =>
  lane.gates.reduce((at, gate) => Math.max(at, gate.admitAt(now)), now)

// Timers count whole milliseconds; a timer a fraction early would only set itself again.
const wakeAt = (lane: Lane, now: number): number => Math.ceil(admitAt(lane, now))

export class Lanes {
  private readonly gates = new Map<string, Gate>()
  private readonly lanes = new Map<string, Lane>()
  /** Lanes in which dials wait, by gate. */
  private readonly busy = new Map<Gate, Set<Lane>>()
  private readonly rulesOf: (key: string) => Rules
  private readonly newTimer: (fire: () => void) => Timer
  private readonly now: () => number
  private issued = 0
  private sweepAt = 64

  constructor(rulesOf: (key: string) => Rules, newTimer: (fire: () => void) => Timer, now: () => number) {
    this.rulesOf = rulesOf
    this.newTimer = newTimer
    this.now = now
  }

  ask(connection: string, keys: ReadonlyArray<string>, priority: number, granted: () => void): Ticket {
    const lane = this.laneOf(keys)
    const number = this.issued++
    const ticket: Ticket = { connection, lane, priority, number, granted, phase: "waiting", probes: [] }
    const tickets = lane.waiting.get(priority) ?? new Set()
    lane.waiting.set(priority, tickets.add(ticket))
    for (const gate of lane.gates) this.busyOf(gate).add(lane)
    this.pump(new Set([lane]))
    return ticket
  }

  /** What a dial waits for, if it does. */
  waitOf(ticket: Ticket): Omit<DialWaiting, "_tag" | "epoch"> | undefined {
    const { lane, phase } = ticket
    const now = this.now()
    const gate = lane.gates.reduce<Gate | undefined>(
      (last, one) => (last === undefined || one.admitAt(now) > last.admitAt(now) ? one : last),
      undefined
    )
    if (phase !== "waiting" || gate === undefined) return undefined
    const wait = gate.admitAt(now) - now
    const ahead = this.waitingAt(gate, (priority) => priority >= ticket.priority) - 1
    const known = wait === Infinity ? undefined : Duration.millis(wait)
    return { key: gate.key, reason: gate.reasonToWait(now), ahead, wait: known }
  }

  /** The dial is over, or its permit is no longer wanted. */
  settle(ticket: Ticket, verdict: Verdict): void {
    const { lane, phase } = ticket
    ticket.phase = "over"
    if (phase === "waiting") this.leave(ticket)
    if (phase === "dialing") {
      const now = this.now()
      for (const [index, gate] of lane.gates.entries()) {
        gate.settle(now, index === 0 ? verdict : besides(verdict), ticket.probes.includes(gate))
      }
    }
    if (phase !== "over") this.pump(this.touching(lane.gates))
  }

  /** The server told a connection with these keys "not now", outside a dial. */
  hold(keys: ReadonlyArray<string>, wait: number | undefined): void {
    const { gates } = this.laneOf(keys)
    for (const gate of gates) gate.hold(this.now(), wait)
    this.pump(this.touching(gates))
  }

  /** Whether dials under this key are held back by its breaker. */
  isOpen(key: string): boolean {
    const gate = this.gates.get(key)
    return gate?.phase === "Probing" || (gate?.phase === "Open" && gate.until > this.now())
  }

  all(): ReadonlyArray<{ readonly gate: Gate; readonly waiting: number; readonly waiters: ReadonlyArray<string> }> {
    return [...this.gates.values()].map((gate) => {
      gate.rest(this.now())
      return { gate, waiting: this.waitingAt(gate), waiters: this.waitersAt(gate) }
    })
  }

  /** The names of the first that wait at a gate, in the order in which they go. */
  private waitersAt(gate: Gate): ReadonlyArray<string> {
    return [...(this.busy.get(gate) ?? [])]
      .flatMap((lane) => firstsOf(lane, namedAtMost))
      .toSorted((a, b) => (before(a, b) ? -1 : 1))
      .slice(0, namedAtMost)
      .map(({ connection }) => connection)
  }

  end(): void {
    for (const lane of this.lanes.values()) lane.timer.clear()
  }

  private waitingAt(gate: Gate, counts = (_priority: number) => true): number {
    let count = 0
    for (const lane of this.busy.get(gate) ?? []) {
      for (const [priority, tickets] of lane.waiting) if (counts(priority)) count += tickets.size
    }
    return count
  }

  private touching(gates: ReadonlyArray<Gate>): Set<Lane> {
    const [first] = gates
    const lanes = new Set(first === undefined ? [] : this.busy.get(first))
    for (const gate of gates.slice(1)) for (const lane of this.busy.get(gate) ?? []) lanes.add(lane)
    return lanes
  }

  private pump(lanes: ReadonlySet<Lane>): void {
    const now = this.now()
    for (let next = this.next(lanes, now); next !== undefined; next = this.next(lanes, now)) this.grant(next, now)
    for (const lane of lanes) lane.timer.set(lane.waiting.size === 0 ? Infinity : wakeAt(lane, now))
  }

  private next(lanes: ReadonlySet<Lane>, now: number): Ticket | undefined {
    let best: Ticket | undefined
    for (const lane of lanes) {
      const first = firstOf(lane)
      if (first === undefined || (best !== undefined && before(best, first))) continue
      if (admitAt(lane, now) <= now) best = first
    }
    return best
  }

  private grant(ticket: Ticket, now: number): void {
    this.leave(ticket)
    ticket.phase = "dialing"
    ticket.probes = ticket.lane.gates.filter((gate) => gate.grant(now))
    // The dial begins in a turn of its own, not inside this loop.
    nextMicrotask(ticket.granted)
  }

  private leave(ticket: Ticket): void {
    const { lane, priority } = ticket
    const tickets = lane.waiting.get(priority)
    tickets?.delete(ticket)
    if (tickets?.size === 0) lane.waiting.delete(priority)
    if (lane.waiting.size > 0) return
    lane.timer.clear()
    for (const gate of lane.gates) this.busyOf(gate).delete(lane)
  }

  private laneOf(keys: ReadonlyArray<string>): Lane {
    const unique = [...new Set(keys)]
    const id = unique.join("\u0000")
    const found = this.lanes.get(id)
    if (found !== undefined) return found
    this.sweep()
    const gates = unique.map((key) => this.gateOf(key))
    const timer = this.newTimer(() => this.pump(new Set([lane])))
    const lane: Lane = { id, gates, waiting: new Map(), timer }
    this.lanes.set(id, lane)
    return lane
  }

  private gateOf(key: string): Gate {
    const gate = this.gates.get(key) ?? new Gate(key, this.rulesOf(key))
    this.gates.set(key, gate)
    return gate
  }

  private busyOf(gate: Gate): Set<Lane> {
    const lanes = this.busy.get(gate) ?? new Set()
    this.busy.set(gate, lanes)
    return lanes
  }

  // Names come and go, and keys with them. A sweep whenever their number has
  // doubled costs a constant time per key.
  private sweep(): void {
    if (this.lanes.size < this.sweepAt) return
    const now = this.now()
    const idle = (gate: Gate) => gate.isIdle(now) && (this.busy.get(gate)?.size ?? 0) === 0
    for (const [id, lane] of this.lanes) if (lane.gates.every(idle)) this.lanes.delete(id)
    const needed = new Set([...this.lanes.values()].flatMap((lane) => lane.gates))
    for (const [key, gate] of this.gates) {
      if (needed.has(gate)) continue
      this.gates.delete(key)
      this.busy.delete(gate)
    }
    this.sweepAt = Math.max(64, this.lanes.size * 2)
  }
}

// The first key is that of the server. A server that is down says nothing about the
// account that dialed it; a server that is busy may well mean the account.
const besides = (verdict: Verdict): Verdict =>
  verdict._tag === "Failure" ? { _tag: "Neutral", counted: true } : verdict
