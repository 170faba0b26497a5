/**
 * Checks two logs of one run against what the library promises: nothing that
 * was confirmed is lost, every accepted message has exactly one outcome, and
 * duplicates and disorder appear only where an outcome was unknown.
 *
 * Pure and offline; both logs are taken on one machine's clock.
 */

/** How a message ended, as `Delivery` names it. */
export type Outcome = "Confirmed" | "Expired" | "Dropped" | "Failed" | "Unknown"

export type ClientEntry =
  | { readonly e: "accepted"; readonly n: number; readonly t: number }
  | { readonly e: "outcome"; readonly n: number; readonly outcome: Outcome; readonly t: number }
  | { readonly e: "open" | "close"; readonly epoch: number; readonly t: number }

export type ServerEntry =
  | { readonly e: "open" | "close"; readonly conn: string; readonly t: number }
  | { readonly e: "recv"; readonly conn: string; readonly n: number; readonly t: number }

/** A time in which the server could not be reached. */
export interface Outage {
  readonly from: number
  readonly to: number
}

export interface History {
  readonly client: ReadonlyArray<ClientEntry>
  readonly server: ReadonlyArray<ServerEntry>
  readonly outages?: ReadonlyArray<Outage> | undefined
  /** How long after an outage the connection may take to be open again. Default: not checked. */
  readonly backWithin?: number | undefined
}

export type Rule =
  | "confirmed but lost"
  | "without outcome"
  | "more than one outcome"
  | "outcome without acceptance"
  | "accepted twice"
  | "phantom"
  | "duplicate on one connection"
  | "resent after its outcome"
  | "out of order"
  | "reported unsent but received"
  | "late return"

export interface Violation {
  readonly rule: Rule
  /** The message, or the outage's index. */
  readonly n: number
}

interface Receipt {
  readonly conn: string
  readonly t: number
}

interface Tables {
  /** Message to its rank in acceptance order. */
  readonly rank: ReadonlyMap<number, number>
  readonly outcomes: ReadonlyMap<number, { readonly outcome: Outcome; readonly t: number }>
  readonly receipts: ReadonlyMap<number, ReadonlyArray<Receipt>>
  /** Messages in the order of their first receipt. */
  readonly firsts: ReadonlyArray<number>
}

const neverWritten: ReadonlySet<Outcome> = new Set<Outcome>(["Expired", "Dropped", "Failed"])

const tabulate = ({ client, server }: History, report: (rule: Rule, n: number) => void): Tables => {
  const rank = new Map<number, number>()
  const outcomes = new Map<number, { readonly outcome: Outcome; readonly t: number }>()
  for (const entry of client) {
    if (entry.e === "accepted") {
      if (rank.has(entry.n)) report("accepted twice", entry.n)
      else rank.set(entry.n, rank.size)
    } else if (entry.e === "outcome") {
      if (outcomes.has(entry.n)) report("more than one outcome", entry.n)
      else outcomes.set(entry.n, entry)
    }
  }
  const receipts = new Map<number, Array<Receipt>>()
  for (const entry of server) {
    if (entry.e !== "recv") continue
    const known = receipts.get(entry.n)
    if (known === undefined) receipts.set(entry.n, [entry])
    else known.push(entry)
  }
  return { rank, outcomes, receipts, firsts: [...receipts.keys()] }
}

const checkOutcomes = ({ outcomes, rank, receipts }: Tables, report: (rule: Rule, n: number) => void): void => {
  for (const n of rank.keys()) if (!outcomes.has(n)) report("without outcome", n)
  for (const [n, { outcome }] of outcomes) {
    if (!rank.has(n)) report("outcome without acceptance", n)
    const received = receipts.has(n)
    if (outcome === "Confirmed" && !received) report("confirmed but lost", n)
    if (neverWritten.has(outcome) && received) report("reported unsent but received", n)
  }
}

const checkReceipts = ({ outcomes, rank, receipts }: Tables, report: (rule: Rule, n: number) => void): void => {
  for (const [n, list] of receipts) {
    if (!rank.has(n)) report("phantom", n)
    const conns = new Set(list.map(({ conn }) => conn))
    if (conns.size < list.length) report("duplicate on one connection", n)
    const settled = outcomes.get(n)?.t ?? Number.POSITIVE_INFINITY
    if (list.slice(1).some(({ t }) => t > settled)) report("resent after its outcome", n)
  }
}

const checkOrder = ({ firsts, rank }: Tables, report: (rule: Rule, n: number) => void): void => {
  let highest = -1
  for (const n of firsts) {
    const at = rank.get(n)
    if (at === undefined) continue
    if (at < highest) report("out of order", n)
    highest = Math.max(highest, at)
  }
}

const checkReturns = ({ backWithin, client, outages = [] }: History, report: (rule: Rule, n: number) => void): void => {
  if (backWithin === undefined) return
  const sessions = client.filter((entry) => entry.e === "open" || entry.e === "close")
  for (const [index, { to }] of outages.entries()) {
    const before = sessions.findLast(({ t }) => t <= to)
    const next = sessions.find(({ e, t }) => e === "open" && t > to)
    const survived =
      before?.e === "open" && !sessions.some(({ e, t }) => e === "close" && t > to && t <= to + backWithin)
    if (!survived && (next === undefined || next.t - to > backWithin)) report("late return", index)
  }
}

/**
 * Every broken promise in the history; empty when all were kept.
 */
export const check = (history: History): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  const report = (rule: Rule, n: number): void => void violations.push({ rule, n })
  const tables = tabulate(history, report)
  checkOutcomes(tables, report)
  checkReceipts(tables, report)
  checkOrder(tables, report)
  checkReturns(history, report)
  return violations
}

/** Reads a log of one JSON entry a line; a last line cut short by a kill is left out. */
export const parseServerLog = (text: string): ReadonlyArray<ServerEntry> =>
  text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ServerEntry)
