/**
 * The faults that a viewer causes: on the links that there are, and on the dials
 * to come, until they are healed.
 */
import type * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { endpointOf, HandshakeRejected } from "kharbranth/ConnectionError"
import type { Dial, Receiver, Transport } from "kharbranth/Transport"
import type { FaultName } from "../wire/wire.ts"
import type { Fork } from "./lane.ts"
import { Line } from "./line.ts"

/** Whom a fault concerns: a connection by its name, or all dials to an origin. */
export type Where = { readonly connection: string } | { readonly origin: string }

/** What lasts for dials to come. */
type Lasting = Extract<FaultName, "401" | "slow">

interface Rule {
  readonly fault: Lasting
  readonly where: Where
}

/** How much longer everything takes. */
const slowness = 1_500

const originOf = (url: string): string => new URL(url).origin

const concerns = (where: Where, dial: Dial): boolean =>
  "connection" in where ? where.connection === dial.connection : where.origin === originOf(dial.url)

const keyOf = ({ fault, where }: Rule): string => JSON.stringify([fault, where])

const refused = ({ connection, url }: Dial): HandshakeRejected =>
  new HandshakeRejected({
    connection,
    endpoint: endpointOf(url),
    status: 401,
    retryAfter: undefined,
    response: Redacted.make({ headers: {}, body: "" })
  })

const links = (count: number): string => (count === 1 ? "1 session" : `${count} sessions`)

export class Faults {
  private readonly clock: Clock.Clock
  private readonly fork: Fork
  private readonly lines = new Set<Line>()
  private readonly rules = new Map<string, Rule>()
  private transports = 0

  constructor(clock: Clock.Clock, fork: Fork) {
    this.clock = clock
    this.fork = fork
  }

  /** Whether there is a transport that it can break. */
  get isUsable(): boolean {
    return this.transports > 0
  }

  // --- the transport -----------------------------------------------------------

  wrap(real: Transport["Service"]): Transport["Service"] {
    this.transports++
    return { ...real, dial: (dial, receiver) => Effect.suspend(() => this.dial(real, dial, receiver)) }
  }

  private dial(real: Transport["Service"], dial: Dial, receiver: Receiver): ReturnType<Transport["Service"]["dial"]> {
    if (this.isBroken("401", dial)) return Effect.fail(refused(dial))
    const line = this.lineOf(real, dial, receiver)
    const isSlow = this.isBroken("slow", dial)
    if (isSlow) line.slow(slowness)
    const dialing = Effect.map(real.dial(dial, line.receiver), (link) => {
      line.connect(link)
      return line
    })
    const dialed = isSlow ? Effect.andThen(Effect.sleep(slowness), dialing) : dialing
    return Effect.andThen(
      Effect.addFinalizer(() => Effect.sync(() => line.forget())),
      dialed
    )
  }

  private lineOf(real: Transport["Service"], dial: Dial, receiver: Receiver): Line {
    const line = new Line({
      dial,
      receiver,
      canPause: real.capabilities.pause !== false,
      now: () => Number(this.clock.monotonicTimeNanosUnsafe()) / 1e6,
      fork: this.fork,
      left: (gone) => void this.lines.delete(gone)
    })
    this.lines.add(line)
    return line
  }

  private isBroken(fault: Lasting, dial: Dial): boolean {
    for (const rule of this.rules.values()) if (rule.fault === fault && concerns(rule.where, dial)) return true
    return false
  }

  // --- faults ------------------------------------------------------------------

  /** Causes a fault, or heals what lasts; what it did. */
  cause(fault: FaultName | "heal", where: Where): string {
    const lines = [...this.lines].filter((line) => concerns(where, line.dial))
    const open = lines.filter(({ isConnected }) => isConnected)
    switch (fault) {
      case "half-open":
        for (const line of open) line.halfOpen()
        return `${links(open.length)} went silent, until you heal or the connection notices`
      case "cut":
        for (const line of open) line.cut()
        return `${links(open.length)} cut`
      case "1013":
        for (const line of open) line.closed(1013)
        return `${links(open.length)} closed with code 1013`
      case "401":
        this.keep({ fault, where })
        for (const line of open) line.cut()
        return `${links(open.length)} cut; dials are refused with HTTP 401 until you heal. Then restart what gave up`
      case "slow":
        this.keep({ fault, where })
        for (const line of lines) line.slow(slowness)
        return `everything takes ${slowness} ms longer until you heal; ${links(open.length)} now`
      case "heal":
        this.healRules(where)
        for (const line of lines) line.heal()
        return "healed"
    }
  }

  private keep(rule: Rule): void {
    this.rules.set(keyOf(rule), rule)
  }

  /** One that is healed for a connection may still last for the whole origin. */
  private healRules(where: Where): void {
    for (const fault of ["401", "slow"] as const) this.rules.delete(keyOf({ fault, where }))
  }
}

/** The faults of the dashboard below, if it allows any. */
export const CurrentFaults: Context.Reference<Faults | undefined> = Context.Reference<Faults | undefined>(
  "@kharbranth/devtools/Faults",
  { defaultValue: () => undefined }
)
