/**
 * Watches a lifecycle reducer from outside: it keeps its own books of sessions,
 * attempts, endpoints and waits from the inputs and commands alone, and throws
 * `Broken` when a transition breaks a rule. It shares no code with the reducer.
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import { publicState } from "../../src/internal/lifecycle/reduce.ts"
import type { Command, Config, Input, State } from "../../src/internal/lifecycle/reduce.ts"

export class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const demand = (holds: boolean, rule: string): void => {
  if (!holds) throw new Broken({ message: rule })
}

const replace = <A>(self: Set<A>, by: ReadonlySet<A>): void => {
  self.clear()
  for (const a of by) self.add(a)
}

const isDeferral = (command: Command): boolean => command._tag === "Emit" && command.event._tag === "RotationDeferred"

type Of<Union, Tag> = Extract<Union, { readonly _tag: Tag }>

export class Monitor {
  config: Config
  /** Dialed, not retired by a command, not ended. */
  readonly alive = new Set<number>()
  /** Dialed, and no `Ended` has come yet. */
  readonly unended = new Set<number>()
  /** Alive when Close came. */
  readonly awaited = new Set<number>()
  last = 0
  active: number | undefined
  successor: number | undefined
  retiring: number | undefined
  /** The second dial of an attempt, beside the active one. */
  hedge: number | undefined
  /** How many more dials the attempt may see. */
  hedgesLeft = 0
  /** Of the sessions alive, those whose socket is open. */
  readonly open = new Set<number>()
  /** The dial whose hedge opened first: it must be ended in the same transition. */
  private loser: number | undefined
  /** What this transition hedges. */
  private hedged: number | undefined
  gate: "Dialing" | "Ready" | "Stable" = "Dialing"
  /** When the session whose messages flow became Ready. */
  readyAt = 0
  attempt = 0
  fresh = true
  refreshUsed = false
  refreshDue = false
  everReady = false
  /** An automatic restart may dial at once. */
  credit = false
  floor = 0
  readonly removed = new Set<number>()
  /** Where each session was dialed, of the present target. */
  readonly at = new Map<number, number>()
  /** What the next dial has to do about the endpoint of the session that was lost. */
  next: { readonly how: "move" | "stay"; readonly from: number } | undefined
  /** The target is new: its first endpoint comes first. */
  untried = false
  asked = false
  waiting: number | undefined
  /** The session whose messages flow, to the reader and from the senders. */
  flowing: number | undefined
  stableArmed: number | undefined
  rotationArmed = false
  idle = true
  pausedBy: "user" | "surroundings" | undefined
  closing = false
  closed = false
  failed = false

  constructor(config: Config) {
    this.config = config
  }

  /** Becomes the same as another one. */
  become(other: Monitor): this {
    replace(this.alive, other.alive)
    replace(this.unended, other.unended)
    replace(this.awaited, other.awaited)
    replace(this.removed, other.removed)
    replace(this.open, other.open)
    this.at.clear()
    for (const [epoch, endpoint] of other.at) this.at.set(epoch, endpoint)
    this.config = other.config
    this.last = other.last
    this.active = other.active
    this.successor = other.successor
    this.retiring = other.retiring
    this.hedge = other.hedge
    this.hedgesLeft = other.hedgesLeft
    this.gate = other.gate
    this.readyAt = other.readyAt
    this.attempt = other.attempt
    this.fresh = other.fresh
    this.refreshUsed = other.refreshUsed
    this.refreshDue = other.refreshDue
    this.everReady = other.everReady
    this.credit = other.credit
    this.floor = other.floor
    this.next = other.next
    this.untried = other.untried
    this.asked = other.asked
    this.waiting = other.waiting
    this.flowing = other.flowing
    this.stableArmed = other.stableArmed
    this.rotationArmed = other.rotationArmed
    this.idle = other.idle
    this.pausedBy = other.pausedBy
    this.closing = other.closing
    this.closed = other.closed
    this.failed = other.failed
    return this
  }

  /** What its further verdicts depend on, beside the state of the reducer. */
  essence(): string {
    let key = `${this.active} ${this.successor} ${this.retiring} ${this.flowing} ${this.stableArmed} ${this.gate}`
    key += ` ${this.attempt} ${this.floor} ${this.waiting} ${this.pausedBy} ${this.next?.how} ${this.next?.from}`
    key += ` ${this.asked} ${this.credit} ${this.failed} ${this.fresh} ${this.idle} ${this.refreshDue} ${this.untried}`
    key += ` ${this.refreshUsed} ${this.rotationArmed} ${this.closed} ${this.closing} ${this.everReady}`
    key += ` ${this.hedge} ${this.hedgesLeft}`
    for (const epoch of this.alive) key += ` ${epoch}@${this.at.get(epoch)}${this.open.has(epoch) ? "o" : ""}`
    for (const epoch of this.awaited) if (this.unended.has(epoch)) key += ` ${epoch}?`
    for (const endpoint of this.removed) key += ` -${endpoint}`
    return key
  }

  /** What came in, what went out, and where it led. */
  check(before: State, input: Input, after: State, commands: ReadonlyArray<Command>, now: number): void {
    this.staleIsIgnored(before, input, after, commands)
    this.loser = undefined
    this.hedged = this.hedge ?? this.active
    this.take(input, commands, now)
    for (const [index, command] of commands.entries()) {
      demand(command._tag !== "Interrupt" || index === 0, "an interruption comes before all else")
      this.obey(command, input, now)
    }
    this.settle(after, commands)
  }

  // ---- inputs ----

  private staleIsIgnored(before: State, input: Input, after: State, commands: ReadonlyArray<Command>): void {
    if (!("epoch" in input) || this.alive.has(input.epoch)) return
    if (before.phase._tag === "Closing" && input._tag === "Ended") return
    const isSame = after === before || JSON.stringify(after) === JSON.stringify(before)
    demand(commands.length === 0 && isSame, "what is stale changes nothing")
  }

  private take(input: Input, commands: ReadonlyArray<Command>, now: number): void {
    switch (input._tag) {
      case "Opened":
        return this.takeOpened(input.epoch)
      case "Hung":
        return this.takeHung(input.epoch, commands)
      case "Ready":
        return this.takeReady(input.epoch, now)
      case "Stable":
        return this.takeStable(input.epoch)
      case "Ended":
        return this.takeEnded(input, commands)
      case "RetryDue":
        this.waiting = undefined
        return
      case "Restart":
        return this.takeRestart(input, commands)
      case "Withdraw":
        return this.takeWithdraw(input.epoch, commands)
      case "RotationDue":
        return this.takeRotationDue(input, commands, now)
      case "Woke": {
        const dials = this.waiting !== undefined && this.floor === 0
        return demand(dials === commands.length > 0, "a wake-up ends a wait that the server did not ask for")
      }
      case "Reconfigured":
        return this.takeReconfigured(input, commands)
      case "Pause":
        if (this.closing || this.failed || (this.idle && input.by === "surroundings"))
          return demand(commands.length === 0, "nothing is left to pause")
        this.idle = true
        this.pausedBy = input.by
        return
      case "Resume": {
        const isTheirs = this.pausedBy === input.by
        const resumes = this.idle && !this.closing && !this.failed && (input.by === "user" || isTheirs)
        demand(resumes === commands.length > 0, "only who paused resumes, and a user always")
        if (resumes) this.startOver()
        return
      }
      case "Close":
        if (!this.closing) for (const epoch of this.alive) this.awaited.add(epoch)
        this.closing = true
        return
      case "Fail":
        if (!this.closing && !this.failed)
          demand(
            commands.some(({ _tag }) => _tag === "Halt"),
            "Fail halts"
          )
        return
      default:
        return
    }
  }

  private takeOpened(epoch: number): void {
    if (!this.alive.has(epoch)) return
    this.open.add(epoch)
    if (epoch !== this.hedge) return
    // The dial that it was to hedge has no part any more; `settle` finds out whether it was ended.
    this.loser = this.active
    this.active = epoch
    this.hedge = undefined
  }

  private takeHung(epoch: number, commands: ReadonlyArray<Command>): void {
    const latest = this.hedge ?? this.active
    const isDialing = this.gate === "Dialing" && this.alive.has(epoch) && !this.open.has(epoch)
    const isDue = epoch === latest && isDialing && this.hedgesLeft > 0
    const dials = commands.filter(({ _tag }) => _tag === "Dial").length
    demand(dials === (isDue ? 1 : 0), "the latest dial of an attempt is hedged while it may be, and no other")
    demand(isDue || commands.length === 0, "what is not hedged is left alone")
  }

  private takeReady(epoch: number, now: number): void {
    const isFirst = epoch === this.successor || (epoch === this.active && this.gate === "Dialing")
    if (isFirst && this.alive.has(epoch)) this.readyAt = now
    if (epoch !== this.active || this.gate !== "Dialing" || !this.alive.has(epoch)) return
    this.gate = "Ready"
    this.everReady = true
  }

  private takeStable(epoch: number): void {
    if (epoch !== this.active || this.gate !== "Ready" || !this.alive.has(epoch)) return
    this.gate = "Stable"
    this.stableArmed = undefined
    this.credit = true
    this.renew()
  }

  private takeEnded({ decision, epoch }: Of<Input, "Ended">, commands: ReadonlyArray<Command>): void {
    this.unended.delete(epoch)
    if (!this.alive.delete(epoch)) return
    this.open.delete(epoch)
    if (epoch === this.hedge) {
      this.hedge = undefined
      this.hedgesLeft = 0
    } else if (epoch === this.successor) this.successor = undefined
    else if (epoch === this.retiring) this.retiring = undefined
    else if (this.successor !== undefined) this.standIn()
    else {
      this.lost(epoch, decision)
      const halts = commands.some(({ _tag }) => _tag === "Halt")
      demand(halts || this.attempt < (this.config.maxAttempts ?? Infinity), "no attempt follows the last one")
    }
  }

  private standIn(): void {
    if (this.gate === "Stable") this.renew()
    this.attempt++
    this.active = this.successor
    this.successor = undefined
    this.gate = "Dialing"
    this.hedgesLeft = this.config.hedging.most
  }

  private lost(epoch: number, decision: Of<Input, "Ended">["decision"]): void {
    const wasStable = this.gate === "Stable"
    if (wasStable) this.renew()
    this.active = undefined
    const refreshes = decision._tag === "Refresh" && !this.refreshUsed
    if (refreshes) this.refreshUsed = this.refreshDue = true
    const stops = decision._tag === "Stop" || (decision._tag === "Refresh" && !refreshes)
    this.leaves(epoch, stops, wasStable)
    this.floor = decision._tag === "RetryAfter" ? Duration.toMillis(decision.delay) : 0
  }

  /** Where the next dial goes after a loss at an endpoint of the present target; of a new one nothing was tried. */
  private leaves(epoch: number, stops: boolean, wasStable: boolean): void {
    const from = this.at.get(epoch)
    if (from === undefined) return
    if (stops) this.removed.add(from)
    const stays = wasStable && !stops
    const others = this.config.endpoints - this.removed.size > (stops ? 0 : 1)
    this.next = stays ? { how: "stay", from } : others ? { how: "move", from } : undefined
  }

  private takeReconfigured(input: Of<Input, "Reconfigured">, commands: ReadonlyArray<Command>): void {
    demand(commands.length === 0, "new policies wait for the next dial")
    if (this.closing) return
    const { endpoints, hedging, maxAttempts, retryFirst } = input
    const startsOver = input.isNewTarget || endpoints !== this.config.endpoints
    this.config = { ...this.config, endpoints, retryFirst, maxAttempts, hedging }
    if (!startsOver) return
    this.removed.clear()
    this.at.clear()
    this.next = undefined
    this.untried = true
  }

  private takeRotationDue(input: Of<Input, "RotationDue">, all: ReadonlyArray<Command>, now: number): void {
    const { isPlanned, mode, reason } = input
    const isLive = this.active !== undefined && this.gate !== "Dialing"
    if (!isLive) return demand(all.length === 0, "only a live session is rotated")
    const commands = all.filter((command) => command._tag !== "ArmRotation" && !isDeferral(command))
    this.rotationArmed = false
    const coalesces = mode === "makeFirst" && this.successor !== undefined
    // It was planned long before: the session need not have been Stable, but Ready for a second.
    if (isPlanned && now - this.readyAt >= 1000 && !coalesces) this.credit = true
    const isDeferred = commands.length === 0 && !coalesces
    demand(all.some(isDeferral) === isDeferred, "a rotation that does not happen yet is announced")
    this.takeRestart({ _tag: "Restart", mode, by: "auto", reason }, commands)
  }

  private takeRestart({ by, mode }: Of<Input, "Restart">, all: ReadonlyArray<Command>): void {
    const commands = all.filter(({ _tag }) => _tag !== "Interrupt")
    demand(!this.closing || commands.length === 0, "no restart once closing")
    if (commands.length === 0) {
      const coalesces = mode === "makeFirst" && this.successor !== undefined
      demand(by === "auto" || this.closing || coalesces, "a user's restart has an effect")
      const between = this.asked || this.waiting !== undefined
      const isLive = this.active !== undefined && this.gate !== "Dialing"
      const interrupts = between || (isLive && !coalesces)
      demand(by === "user" || !this.credit || this.closing || !interrupts, "an automatic restart uses its credit")
      return
    }
    const first = commands[0]
    demand(first?._tag === "Emit" && first.event._tag === "RestartRequested", "a restart is announced first")
    const dials = commands.some(({ _tag }) => _tag === "Dial")
    const rotates = commands.some((command) => command._tag === "Dial" && command.role === "successor")
    if (by === "user") {
      demand(dials, "a user's restart dials at once")
      this.removed.clear()
      if (!rotates) this.renew()
      this.next = undefined
      return
    }
    demand(!dials || this.credit, "an automatic restart skips the backoff once until Stable")
    demand(dials || !this.credit, "an automatic restart skips the backoff when it may")
    const live = this.active !== undefined
    if (dials && live && !rotates) this.renew()
    if (dials) this.credit = false
    // It cuts a live session and asks the schedule: the session counts as lost.
    if (!dials) this.lostByUs()
  }

  private takeWithdraw(epoch: number, commands: ReadonlyArray<Command>): void {
    if (epoch !== this.successor || !this.alive.has(epoch))
      return demand(commands.length === 0, "only a successor is withdrawn")
    demand(
      commands.some((command) => command._tag === "EndSession" && command.epoch === epoch),
      "a withdrawn successor is ended"
    )
    this.credit = true
  }

  private lostByUs(): void {
    if (this.gate === "Stable") this.renew()
    if (this.active !== undefined) this.leaves(this.active, false, this.gate === "Stable")
    this.floor = 0
  }

  private startOver(): void {
    this.renew()
    this.removed.clear()
    this.next = undefined
  }

  private renew(): void {
    this.attempt = 0
    this.fresh = true
    this.refreshUsed = false
  }

  // ---- commands ----

  private obey(command: Command, input: Input, now: number): void {
    switch (command._tag) {
      case "Dial":
        return command.role === "hedge" ? this.dialHedge(command) : this.dial(command)
      case "EndSession":
        return this.endSession(command.epoch)
      case "Promote":
        return this.promote(command)
      case "Begin":
        demand(input._tag === "Ready" && command.epoch === this.active, "a session begins when it is Ready")
        demand(this.flowing === undefined, "one session begins at a time")
        this.flowing = command.epoch
        return
      case "Interrupt": {
        demand(this.flowing === command.epoch, "what is interrupted was flowing")
        const isOurs = command.cause._tag === "ConnectionClosed" && command.cause.initiator === "client"
        demand(input._tag === "Ended" ? command.cause === input.error : isOurs, "an interruption has its cause")
        this.flowing = this.stableArmed = undefined
        this.rotationArmed = false
        return
      }
      case "ArmStable":
        demand(input._tag === "Ready" && command.epoch === this.active, "a session may become Stable once it is Ready")
        this.stableArmed = command.epoch
        return
      case "ArmRotation":
        demand(
          (command.after === undefined) === (input._tag === "Ready"),
          "a rotation is planned when a session is Ready, and tried again when it did not come"
        )
        this.rotationArmed = true
        return
      case "Step":
        demand(!this.asked && this.active === undefined, "the schedule is asked once, between sessions")
        demand(command.fresh === this.fresh, "a schedule is new exactly for a new outage")
        this.asked = true
        this.fresh = false
        return
      case "Wait":
        demand(this.waiting === undefined, "one wait at a time")
        demand(input._tag === "Stepped" && command.delay === input.delay + this.floor, "a delay is what was stepped")
        this.waiting = now + command.delay
        return
      case "CancelWait":
        demand(this.waiting !== undefined, "only a wait under way is cancelled")
        this.waiting = undefined
        return
      case "Revive":
        demand(this.failed, "only a failed connection is revived")
        this.failed = false
        return
      case "Halt":
        demand(!this.closed, "nothing halts twice")
        demand(command.error === undefined || !this.failed, "a failure halts once")
        return
      case "Emit":
        if (command.event._tag === "RetryScheduled" && input._tag === "Stepped") {
          demand(Duration.toMillis(command.event.delay) === input.delay + this.floor, "the event tells the delay")
        }
        return
    }
  }

  private dial({ attempt, endpoint, epoch, refresh, role }: Of<Command, "Dial">): void {
    demand(!this.closing, "no dial after Close")
    demand(!this.failed, "no dial in Failed without Revive")
    demand(epoch === this.last + 1, "epochs count up by one")
    demand(this.waiting === undefined, "no dial during a wait")
    demand(
      endpoint >= 0 && endpoint < this.config.endpoints && !this.removed.has(endpoint),
      "a removed endpoint is not dialed"
    )
    this.last = epoch
    this.alive.add(epoch)
    this.unended.add(epoch)
    if (role === "successor") {
      demand(this.active !== undefined && this.gate !== "Dialing", "a successor stands by a Ready session")
      demand(
        this.successor === undefined && this.retiring === undefined,
        "one successor, and none beside a retiring one"
      )
      demand(attempt === 1 && !refresh, "a successor's dial is the first of its own")
      const from = this.at.get(this.active!)
      demand(from === undefined || endpoint === from, "a successor is dialed where the active one is")
      this.dialedAt(epoch, endpoint)
      this.successor = epoch
      return
    }
    demand(this.active === undefined, "one active session")
    const { next } = this
    demand(next?.how !== "move" || endpoint !== next.from, "a failed endpoint is left for the next")
    demand(next?.how !== "stay" || endpoint === next.from, "a Stable session's endpoint is kept")
    this.next = undefined
    this.dialedAt(epoch, endpoint)
    this.idle = false
    this.pausedBy = undefined
    this.attempt++
    demand(attempt === this.attempt, "attempts count the dials of an outage")
    demand(refresh === this.refreshDue, "refresh is asked for once, by the next dial")
    this.refreshDue = false
    this.active = epoch
    this.gate = "Dialing"
    this.hedgesLeft = this.config.hedging.most
    this.asked = false
  }

  private dialHedge({ attempt, endpoint, epoch, refresh }: Of<Command, "Dial">): void {
    demand(epoch === this.last + 1, "epochs count up by one")
    demand(attempt === this.attempt && !refresh, "a hedge is part of the attempt that it hedges")
    const isThere = endpoint >= 0 && endpoint < this.config.endpoints && !this.removed.has(endpoint)
    demand(isThere, "a removed endpoint is not dialed")
    const from = this.at.get(this.hedged ?? 0)
    const others = this.config.endpoints - this.removed.size > 1
    demand(from === undefined || !others || endpoint !== from, "a hedge tries another url if there is one")
    demand(this.hedge === undefined, "one hedge at a time")
    demand(
      (this.active !== undefined) === this.config.hedging.beside,
      "a hedge stands beside the first dial, or for it"
    )
    this.last = epoch
    this.alive.add(epoch)
    this.unended.add(epoch)
    this.dialedAt(epoch, endpoint)
    this.hedgesLeft--
    if (this.active === undefined) this.active = epoch
    else this.hedge = epoch
  }

  private dialedAt(epoch: number, endpoint: number): void {
    demand(!this.untried || endpoint === 0, "of a new target the first endpoint comes first")
    this.untried = false
    this.at.set(epoch, endpoint)
  }

  private endSession(epoch: number): void {
    demand(this.alive.delete(epoch), "no command for an epoch that is over")
    this.open.delete(epoch)
    if (epoch === this.loser) this.loser = undefined
    if (epoch === this.hedge) this.hedge = undefined
    if (epoch === this.active) this.active = undefined
    if (epoch === this.successor) this.successor = undefined
    if (epoch === this.retiring) this.retiring = undefined
  }

  private promote({ epoch, from }: Of<Command, "Promote">): void {
    demand(this.alive.has(epoch) && epoch === this.successor, "only a successor is promoted")
    demand(this.alive.has(from) && from === this.active, "it replaces the active session")
    demand(this.flowing === from, "the messages of the active session flow")
    this.flowing = epoch
    this.active = epoch
    this.successor = undefined
    this.retiring = from
    this.gate = "Ready"
  }

  // ---- where it led ----

  private settle(after: State, commands: ReadonlyArray<Command>): void {
    const { phase } = after
    const halts = commands.filter((command) => command._tag === "Halt")
    if (phase._tag !== "Deciding") this.asked = false
    const seen = publicState(after)
    const isLive = this.active !== undefined && this.gate !== "Dialing"
    demand((seen._tag === "Connected") === isLive, "Connected means Ready and alive")
    demand(this.flowing === (isLive ? this.active : undefined), "messages flow exactly while Connected")
    demand(
      this.stableArmed === (isLive && this.gate === "Ready" ? this.active : undefined),
      "a session that is Ready may become Stable, and no other"
    )
    demand(this.rotationArmed === isLive, "a rotation is due exactly while Connected")
    demand(this.loser === undefined, "the first of two dials to open ends the other")
    demand(this.hedge === (phase._tag === "Dialing" ? phase.hedge?.epoch : undefined), "no hedge outlives its attempt")
    const isOpen = this.active !== undefined && this.open.has(this.active)
    demand(this.hedge === undefined || !isOpen, "a dial that is open needs no hedge")
    if (seen._tag === "Connecting" || seen._tag === "Reconnecting")
      demand(seen.attempt === this.attempt, "the state tells the attempt")
    demand(this.everReady === after.everReady, "everReady is remembered")
    demand(this.waiting === undefined || phase._tag === "Waiting", "no wait outlives its phase")
    const sessions =
      phase._tag === "Live"
        ? [phase.epoch, phase.successor?.epoch, phase.retiring]
        : phase._tag === "Dialing"
          ? [phase.epoch, undefined, undefined]
          : [undefined, undefined, undefined]
    demand(
      sessions[0] === this.active && sessions[1] === this.successor && sessions[2] === this.retiring,
      "every session is accounted for"
    )
    this.settlePhase(phase, halts)
  }

  private settlePhase(phase: State["phase"], halts: ReadonlyArray<Command>): void {
    switch (phase._tag) {
      case "Deciding":
        return demand(this.asked, "Deciding has asked the schedule")
      case "Waiting":
        return demand(this.waiting === phase.until, "Waiting has a wait that ends when the state says")
      case "Closing":
        demand(phase.waiting.length > 0, "Closing awaits something")
        return demand(
          phase.waiting.every((epoch) => this.unended.has(epoch)),
          "what Closing awaits will come"
        )
      case "Failed": {
        const halt = halts[0]
        demand(halts.length === (this.failed ? 0 : 1), "Failed halts exactly once")
        if (halt?._tag === "Halt") demand(halt.error === phase.error, "and with its error")
        demand(phase.recoverable === (phase.error._tag !== "InvalidOptions"), "only unusable options are final")
        this.failed = true
        return
      }
      case "Closed":
        demand(halts.length === (this.closed ? 0 : 1), "Closed halts exactly once")
        demand(this.closing, "only Close closes")
        demand(![...this.awaited].some((epoch) => this.unended.has(epoch)), "Closed comes after every session's end")
        this.closed = true
        return
      default:
        return demand(halts.length === 0, "nothing else halts")
    }
  }
}
