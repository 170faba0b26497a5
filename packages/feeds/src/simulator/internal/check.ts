/** Options that cannot be meant are refused at the door, with what is wrong. */
import type { Options } from "../Simulator.ts"
import type { Entry } from "../VenueFault.ts"

const refuse = (venue: string, name: string, wanted: string, value: unknown): never => {
  throw new RangeError(`Simulator of ${venue}: ${name} must be ${wanted}, not ${String(value)}.`)
}

/** Codes that a close frame may carry. */
const isCloseCode = (code: number): boolean =>
  (code >= 3000 && code <= 4999) || (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code))

export const checkEntry = (venue: string, entry: Entry, name = "the fault"): void => {
  const { at = [], chance = 0, every = 1, fault, share = 1 } = entry
  if (!(chance >= 0 && chance <= 1)) refuse(venue, `${name}.chance`, "from 0 to 1", chance)
  if (!(share > 0 && share <= 1)) refuse(venue, `${name}.share`, "more than 0 and at most 1", share)
  if (!(every > 0)) refuse(venue, `${name}.every`, "more than 0 milliseconds", every)
  for (const time of at) if (!(time >= 0)) refuse(venue, `${name}.at`, "0 or more milliseconds", time)
  if (fault._tag === "Cut" && fault.code !== undefined && !isCloseCode(fault.code))
    refuse(venue, `${name}.fault.code`, "a code that a close frame may carry", fault.code)
  if ("status" in fault && !(fault.status >= 400 && fault.status <= 599))
    refuse(venue, `${name}.fault.status`, "a status from 400 to 599", fault.status)
}

export const check = (venue: string, { faults = [], history = 1, market = {} }: Options): void => {
  const { assets = 1, levels = 1, trades = 0, updates = 1 } = market
  const count = typeof assets === "number" ? assets : assets.length
  if (!(count >= 1)) refuse(venue, "market.assets", "at least one", count)
  if (!(levels >= 1)) refuse(venue, "market.levels", "1 or more", levels)
  if (!(updates > 0)) refuse(venue, "market.updates", "more than 0 a second", updates)
  if (!(trades >= 0)) refuse(venue, "market.trades", "0 or more a second", trades)
  if (!(history >= 1)) refuse(venue, "history", "1 or more", history)
  for (const [index, entry] of faults.entries()) checkEntry(venue, entry, `faults[${index}]`)
}
