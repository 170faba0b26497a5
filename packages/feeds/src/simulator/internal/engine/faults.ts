/** When faults strike: by the clock, by chance, or at every occasion. */
import type { Entry, Script, VenueFault } from "../../VenueFault.ts"
import type { Random } from "../market/random.ts"
import type { Agenda } from "./agenda.ts"
import type { Topic } from "./rules.ts"

type Occasion = "frame" | "checksum" | "connection" | "subscription" | "dial" | "request" | "venue"

const occasions: Readonly<Record<VenueFault["_tag"], Occasion>> = {
  Gap: "frame",
  Duplicate: "frame",
  Swap: "frame",
  WrongChecksum: "checksum",
  Cut: "connection",
  Stall: "connection",
  HalfOpen: "connection",
  SlowRead: "connection",
  Notice: "connection",
  Silent: "subscription",
  Poison: "subscription",
  RejectDials: "dial",
  RejectRequests: "request",
  Restart: "venue",
  Maintenance: "venue"
}

export const concerns = (entry: Entry, topic: Topic | undefined): boolean =>
  (entry.channel === undefined || entry.channel === topic?.channel) &&
  (entry.symbols === undefined || (topic !== undefined && entry.symbols.includes(topic.instrument.symbol)))

interface Scripted {
  readonly entry: Entry
  readonly occasion: Occasion
  /** How often the clock struck without an occasion yet. */
  armed: number
}

const timed = (entry: Entry): boolean => entry.at !== undefined || entry.every !== undefined

export class Faults {
  private readonly scripted: Array<Scripted> = []
  private readonly random: Random
  private readonly agenda: Agenda
  /** What the clock does to connections and to the venue. */
  private readonly strike: (entry: Entry) => void

  constructor(script: Script, start: number, random: Random, agenda: Agenda, strike: (entry: Entry) => void) {
    this.random = random
    this.agenda = agenda
    this.strike = strike
    for (const entry of script) this.add(entry, start)
  }

  add(entry: Entry, start: number): void {
    const found: Scripted = { entry, occasion: occasions[entry.fault._tag], armed: 0 }
    this.scripted.push(found)
    for (const at of entry.at ?? []) this.agenda.at(start + at, () => this.due(found))
    if (entry.every !== undefined) this.repeat(found, start, entry.every)
    if (found.occasion === "venue" && !timed(entry)) this.agenda.at(start, () => this.due(found))
  }

  /** A fault for an occasion, if one strikes. */
  at(occasion: Occasion, topic?: Topic): VenueFault | undefined {
    for (const found of this.scripted) {
      if (found.occasion !== occasion || !concerns(found.entry, topic)) continue
      if (this.strikes(found)) return found.entry.fault
    }
    return undefined
  }

  private strikes(found: Scripted): boolean {
    if (found.armed > 0) {
      found.armed--
      return true
    }
    const { chance } = found.entry
    if (chance !== undefined) return this.random.next() < chance
    return !timed(found.entry)
  }

  private due(found: Scripted): void {
    if (["frame", "checksum", "subscription"].includes(found.occasion)) found.armed++
    else this.strike(found.entry)
  }

  private repeat(found: Scripted, from: number, mean: number): void {
    const at = from + Math.max(1, Math.round(this.random.exponential(mean)))
    this.agenda.at(at, () => {
      this.due(found)
      this.repeat(found, at, mean)
    })
  }
}
