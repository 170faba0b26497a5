/**
 * One client process of the network: its clock, its routes to the hosts, and
 * whether it runs. A process that was killed never runs again.
 */
import type * as Clock from "effect/Clock"
import type { Attempt } from "./attempt.ts"
import type { Host } from "./host.ts"
import * as Pipe from "./pipe.ts"
import * as ProcessClock from "./processClock.ts"

export class Process {
  readonly name: string
  readonly hosts = new Map<string, Host>()
  readonly attempts = new Set<Attempt>()
  isDead = false
  private readonly ticking: ProcessClock.ProcessClock
  private asleep = false
  private atWake: Array<() => void> = []

  constructor(name: string, outer: Clock.Clock, rate: number) {
    this.name = name
    this.ticking = ProcessClock.make(outer, rate)
  }

  get clock(): Clock.Clock {
    return this.ticking.clock
  }

  isAsleep(): boolean {
    return this.asleep
  }

  offsetWall(millis: number): void {
    this.ticking.offsetWall(millis)
  }

  /** Calls `f` once the process runs. */
  readonly whenAwake = (f: () => void): void => {
    if (this.asleep) this.atWake.push(f)
    else f()
  }

  fallAsleep(monotonic: "stops" | "runs"): void {
    if (this.asleep) return
    this.asleep = true
    this.ticking.suspend(monotonic)
    this.holdSockets()
  }

  wakeUp(): void {
    if (!this.asleep || this.isDead) return
    this.asleep = false
    this.ticking.resume()
    this.holdSockets()
    const waiting = this.atWake
    this.atWake = []
    for (const f of waiting) f()
  }

  /** Its sockets are reset by its kernel, and none of its timers fires any more. */
  kill(): void {
    if (this.isDead) return
    this.isDead = true
    this.fallAsleep("runs")
    for (const attempt of [...this.attempts]) attempt.dispose()
    for (const { sockets } of this.hosts.values()) for (const socket of [...sockets]) socket.vanish()
  }

  private holdSockets(): void {
    for (const { sockets } of this.hosts.values()) {
      for (const socket of [...sockets]) socket.down.hold(Pipe.suspended, this.asleep)
    }
  }
}
