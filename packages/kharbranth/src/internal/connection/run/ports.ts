/** How the outbox reaches the connection it belongs to. */
import type { DropReason } from "../../../ConnectionEvent.ts"
import type { Hooks as OutboxHooks } from "../../outbox/writer.ts"
import { nextMicrotask } from "../../kit/microtask.ts"

/** What it sees of its connection. */
export interface Owner {
  mono(): number
  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void
  armOutbox(at: number): void
  stateName(): string
}

export class OutboxPort implements OutboxHooks {
  private readonly owner: Owner

  constructor(owner: Owner) {
    this.owner = owner
  }

  defer(f: () => void): void {
    nextMicrotask(f)
  }

  now(): number {
    return this.owner.mono()
  }

  arm(at: number): void {
    this.owner.armOutbox(at)
  }

  dropped(reason: DropReason, count: number): void {
    this.owner.drop("outbox", reason, count)
  }

  state(): string {
    return this.owner.stateName()
  }
}
