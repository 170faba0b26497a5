/**
 * What the dashboard's page and the program it looks into say to each other: JSON
 * text frames over one WebSocket. The subprotocol carries the version, so a page
 * and a program that differ find out before the first frame.
 *
 * The program sorts and filters; the page asks for a window of rows. It never says
 * a payload, a header, a query or a close reason, because it says what snapshots,
 * events and recordings say.
 *
 * Cells and rows are sent whole once, and then as what changed. Each of these frames
 * has a number, one more than the last of its kind. A page that misses one asks for
 * both again: `copy.ts` is how a page keeps them.
 */
import type { Snapshot } from "kharbranth/DialBudget"
import type { Recording } from "kharbranth/Recorder"
import type { Explanation } from "kharbranth/Why"

export const subprotocol = "kharbranth.devtools.2"

/** Where the socket is, on the page's own origin. */
export const path = "/live"

/** The code that a socket is closed with whose page speaks another version than the program. */
export const otherVersion = 4002

/** The most rows that one window has. */
export const maxRows = 200

/** In the order of their numbers in `FleetFrame.cells`. */
export const states = ["Disconnected", "Connecting", "Connected", "Reconnecting", "Closing", "Failed"] as const

export type StateName = (typeof states)[number]

export const columns = [
  "name",
  "state",
  "blame",
  "epoch",
  "age",
  "inRate",
  "outRate",
  "rtt",
  "inbox",
  "outbox",
  "gaps",
  "next"
] as const

export type Column = (typeof columns)[number]

/** What connections the page wants to see, in which order, and which of them. */
export interface View {
  readonly sort: Column
  readonly descending: boolean
  /** Part of a name or of a tag, in any case; empty for all. */
  readonly text: string
  /** Empty for all. */
  readonly states: ReadonlyArray<StateName>
  readonly from: number
  /** At most `maxRows` after `from`. */
  readonly to: number
}

export const commands = ["restart", "rotate", "probe", "close"] as const
export type CommandName = (typeof commands)[number]

export const faults = ["half-open", "cut", "401", "1013", "slow"] as const
export type FaultName = (typeof faults)[number]

// --- from the page -------------------------------------------------------------

export type Request =
  | { readonly t: "view"; readonly view: View }
  /** Wants cells and rows whole: a frame is missing. */
  | { readonly t: "again" }
  /** Follows one connection, or none. */
  | { readonly t: "open"; readonly id: number | undefined }
  /** Follows the dial budgets, or stops that. */
  | { readonly t: "budget"; readonly on: boolean }
  | { readonly t: "do"; readonly ask: number; readonly command: CommandName; readonly id: number }
  /** `where`: a connection by its number, or all whose last dial went to a host. `heal` ends what lasts. */
  | {
      readonly t: "break"
      readonly ask: number
      readonly fault: FaultName | "heal"
      readonly where: { readonly id: number } | { readonly origin: string }
    }

// --- to the page ---------------------------------------------------------------

/** The first frame: what this program lets the page do. */
export interface Hello {
  readonly t: "hello"
  readonly versions: { readonly kharbranth: string; readonly effect: string; readonly runtime: string }
  /** What the program calls itself. */
  readonly title: string
  readonly commands: boolean
  readonly faults: boolean
  /** Whether there are explanations and recordings. */
  readonly recorder: boolean
}

/** Once a second, when a state changed, and at once with a new viewer. */
export interface Totals {
  readonly t: "totals"
  /** Unix milliseconds, by the program's clock. */
  readonly now: number
  readonly connections: number
  readonly states: Readonly<Record<StateName, number>>
  /** Whose trouble it is, of the connections that are in any. */
  readonly blame: Readonly<Record<string, number>>
  /** Messages a second. */
  readonly inRate: number
  readonly outRate: number
  /** Over the last hour that somebody was looking, or less. */
  readonly gaps: number
  readonly losses: number
  readonly breakersOpen: number
  /** How late the program's event loop was in the last second, in milliseconds. */
  readonly loopDelay: number
}

/** One character a connection, in the order of their numbers: the number of its state. */
export interface FleetFrame {
  readonly t: "fleet"
  readonly at: number
  /** Another number when the cells stand for other connections than before. */
  readonly order: number
  /** The number of the connection that each cell stands for; sent when it changes. */
  readonly ids?: ReadonlyArray<number> | undefined
  readonly cells: string
}

/** The cells that changed since the fleet or the cells before. */
export interface CellsFrame {
  readonly t: "cells"
  readonly at: number
  readonly cells: ReadonlyArray<readonly [cell: number, state: number]>
}

export interface Row {
  /** Its number in this program; a name that is closed and opened again has a new one. */
  readonly id: number
  readonly name: string
  readonly tags: ReadonlyArray<string>
  readonly origin: string | undefined
  readonly state: StateName
  /** The gate of its session, or why it is disconnected. */
  readonly detail: string
  readonly blame: string | undefined
  readonly epoch: number
  /** Since when it has been in this state, in Unix milliseconds of the program. */
  readonly since: number
  readonly inRate: number
  readonly outRate: number
  /** Milliseconds. */
  readonly rtt: number | undefined
  readonly rtts: ReadonlyArray<number>
  readonly inbox: { readonly messages: number; readonly bytes: number }
  readonly outbox: { readonly messages: number; readonly bytes: number; readonly oldestAge: number | undefined }
  readonly gaps: number
  /** When the next dial is due, in Unix milliseconds of the program. */
  readonly nextAt: number | undefined
  /** One line: why it is where it is. */
  readonly why: string | undefined
}

/** The window that the page asked for. */
export interface Rows {
  readonly t: "rows"
  readonly at: number
  readonly from: number
  /** How many connections the filter lets through. */
  readonly total: number
  readonly rows: ReadonlyArray<Row>
}

/** What a row has other than before; `null` for what it no longer has. A new row has everything. */
export type RowChange = { readonly id: number } & { readonly [K in keyof Row]?: Row[K] | null | undefined }

/** The window after the rows or the changes before. */
export interface Changes {
  readonly t: "changes"
  readonly at: number
  readonly from: number
  readonly total: number
  /** All rows of the window; only the number of one that is as it was. */
  readonly rows: ReadonlyArray<number | RowChange>
}

/** The connection that the page follows; again when something happens, at most ten times a second. */
export interface Detail {
  readonly t: "detail"
  readonly row: Row
  readonly explanation: Explanation | undefined
  readonly recording: Recording | undefined
  readonly subscriptions: ReadonlyArray<{ readonly topic: string; readonly state: string }>
}

/** The connection that the page follows has ended. */
export interface Gone {
  readonly t: "gone"
  readonly id: number
}

export interface Budget {
  readonly t: "budget"
  readonly keys: ReadonlyArray<Snapshot>
}

/** The answer to a `do` or a `break`. */
export interface Outcome {
  readonly t: "outcome"
  readonly ask: number
  readonly ok: boolean
  readonly text: string
}

export type Frame = Hello | Totals | FleetFrame | CellsFrame | Rows | Changes | Detail | Gone | Budget | Outcome
