/** The row of a connection. */
import type { ConnectionState } from "kharbranth/ConnectionState"
import type { Row } from "../wire/wire.ts"
import { type Member, stateOf } from "./member.ts"

const detailOf = (state: ConnectionState): string => {
  switch (state._tag) {
    case "Connecting":
    case "Connected":
      return state.gate
    case "Disconnected":
      return state.reason
    case "Failed":
      return state.recoverable ? "recoverable" : "for good"
    case "Reconnecting":
      return `dial ${state.attempt + 1}`
    case "Closing":
      return ""
  }
}

/** Rates have one digit: more would only make frames longer. */
const rounded = (rate: number): number => Math.round(rate * 10) / 10

export const rowOf = (member: Member): Row => ({
  id: member.id,
  name: member.name,
  tags: member.observed.tags,
  origin: member.observed.origin,
  state: stateOf(member),
  detail: detailOf(member.state),
  blame: member.blame,
  epoch: member.epoch,
  since: Math.round(member.since),
  inRate: rounded(member.inRate),
  outRate: rounded(member.outRate),
  rtt: member.rtt,
  // A copy: the member goes on with its own.
  rtts: member.rtts?.slice() ?? none,
  inbox: member.inbox,
  outbox: member.outbox,
  gaps: member.gaps,
  nextAt: member.nextAt,
  why: member.reason?.because
})

const none: ReadonlyArray<number> = []
