/** A conversation with a simulator: what is said to it at which time, and what it answered. */
import * as Simulator from "../../src/simulator/Simulator.ts"
import { lines } from "./lines.ts"

export class Talk {
  readonly simulator: Simulator.Simulator
  /** Everything that the venue sent, in order. */
  readonly texts: Array<string> = []
  /** How connections ended. */
  readonly ends: Array<string> = []
  readonly pings: Array<number> = []
  private readonly id: Simulator.VenueId

  constructor(venue: Simulator.VenueId, options: Simulator.Options = {}) {
    this.id = venue
    this.simulator = Simulator.make(venue, { market: { assets: 3 }, ...options })
  }

  /** Dials the usual address, or this one; the connection's number, or the status of the refusal. */
  dial(now = this.simulator.now, url = lines[this.id].url(this.simulator)): number {
    const answer = this.simulator.connect({ url }, now)
    this.read()
    return answer._tag === "Accepted" ? answer.connection : answer.status
  }

  /** Says something; what the venue answers at once. */
  say(text: string, now = this.simulator.now, connection = 1): ReadonlyArray<string> {
    const before = this.texts.length
    this.simulator.receive(connection, text, now)
    this.read()
    return this.texts.slice(before)
  }

  /** Lets time pass; what the venue says in it. */
  wait(until: number, beat?: readonly [every: number, frame: string]): ReadonlyArray<string> {
    const before = this.texts.length
    if (beat !== undefined)
      for (let now = this.simulator.now + beat[0]; now < until; now += beat[0]) this.say(beat[1], now)
    this.simulator.tick(until)
    this.read()
    return this.texts.slice(before)
  }

  get rules(): ReadonlyArray<string> {
    return this.simulator.ledger.violations.map(({ rule }) => rule)
  }

  private read(): void {
    for (const output of this.simulator.take()) {
      if (output._tag === "Text") this.texts.push(output.text)
      else if (output._tag === "Ping") this.pings.push(output.at)
      else if (output._tag === "Close") this.ends.push(`${output.at}: ${output.code} ${output.reason}`.trim())
      else if (output._tag === "Cut") this.ends.push(`${output.at}: cut`)
    }
  }
}

/** Parts of a list that were found, in the order of the list. */
export const some = (texts: ReadonlyArray<string>, part: string): ReadonlyArray<string> =>
  texts.filter((text) => text.includes(part))
