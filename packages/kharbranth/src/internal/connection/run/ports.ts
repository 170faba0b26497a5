/** How the inbox and the outbox reach the connection they belong to. */
import type * as ConnectionError from "../../../ConnectionError.ts"
import type { DropReason } from "../../../ConnectionEvent.ts"
import type * as Inbox from "../../inbox/inbox.ts"
import type { Hooks as OutboxHooks } from "../../outbox/writer.ts"
import { nextMicrotask } from "../../kit/microtask.ts"

/** What both see of their connection. */
export interface Owner {
  now(): number
  wall(): number
  drop(where: "inbox" | "outbox", reason: DropReason, count: number): void
  fail(error: ConnectionError.ConnectionError): void
  armOutbox(at: number): void
  stateName(): string
}

export class InboxPort implements Inbox.Hooks {
  private readonly owner: Owner

  constructor(owner: Owner) {
    this.owner = owner
  }

  defer(flush: () => void): void {
    nextMicrotask(flush)
  }

  now(): number {
    return this.owner.wall()
  }

  dropped(reason: DropReason, count: number): void {
    this.owner.drop("inbox", reason, count)
  }

  failed(error: ConnectionError.DecodeError | ConnectionError.InboxOverflow): void {
    this.owner.fail(error)
  }
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
    return this.owner.now()
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
