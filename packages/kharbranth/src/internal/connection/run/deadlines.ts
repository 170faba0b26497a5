/**
 * What a connection itself waits for, apart from its sessions. A deadline has a
 * timer from the first time it is set: an idle connection needs hardly any.
 */
import type { Timer } from "../../kit/timers.ts"

export type Deadline =
  /** The next dial. */
  | "retry"
  /** The session has lasted. */
  | "stable"
  /** The session is to be replaced. */
  | "rotate"
  /** Something in the outbox expires. */
  | "outbox"
  /** The old session of a swap falls silent, or its keys are forgotten. */
  | "overlap"

/** What another part acts on: its reader has stood still for too long. */
type Elsewhere = "stall"

/** What the deadlines see of their connection. */
interface DeadlinesOwner {
  timer(fire: () => void): Timer
  due(deadline: Deadline): void
}

export class Deadlines {
  private readonly owner: DeadlinesOwner
  private readonly timers: { [D in Deadline | Elsewhere]?: Timer } = {}

  constructor(owner: DeadlinesOwner) {
    this.owner = owner
  }

  /** Due at this time, monotonic milliseconds, whatever it was set to before. */
  set(deadline: Deadline, time: number): void {
    if (time === Infinity) this.clear(deadline)
    else this.timer(deadline).set(time)
  }

  /** Due at this time if not earlier. */
  atLatest(deadline: Deadline, time: number): void {
    this.timer(deadline).atLatest(time)
  }

  clear(deadline: Deadline): void {
    this.timers[deadline]?.clear()
  }

  /** Whatever should have been done by now is done now. */
  look(now: number): void {
    for (const timer of Object.values(this.timers)) timer.look(now)
  }

  clearAll(): void {
    for (const timer of Object.values(this.timers)) timer.clear()
  }

  /** The timer of what `fire` is to be done about. */
  of(deadline: Elsewhere, fire: () => void): Timer {
    return (this.timers[deadline] ??= this.owner.timer(fire))
  }

  private timer(deadline: Deadline): Timer {
    return (this.timers[deadline] ??= this.owner.timer(() => this.owner.due(deadline)))
  }
}
