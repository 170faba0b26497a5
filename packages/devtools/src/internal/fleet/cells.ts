/**
 * The fleet as bytes, one a connection: only those that change are written again.
 * Viewers are told what changed, in numbered steps; all of it where that would be
 * longer, or where they have missed a step.
 */
import type { CellsFrame, FleetFrame } from "../wire/wire.ts"
import type { Member } from "./member.ts"

type Members = ReadonlyMap<number, Member>

const zero = 48

/** A change is so much longer than a cell. */
const changeLength = 8

/** How far a viewer has been told. */
export interface Step {
  readonly at: number
  readonly order: number
}

export class Cells {
  private bytes = Buffer.alloc(0)
  private ids: ReadonlyArray<number> | undefined
  /** The number of the last step, and of the last one at which cells got another place. */
  private at = 0
  private ordered = 0
  /** What the last step was, where it is not too long. */
  private latest: CellsFrame["cells"] | undefined
  private readonly changed = new Set<Member>()

  /** One more, or one less: those behind it move up. */
  rearrange(): void {
    this.ids = undefined
    this.changed.clear()
  }

  change(member: Member): void {
    if (this.ids === undefined) return
    this.bytes[member.cell] = zero + member.code
    this.changed.add(member)
  }

  /** Takes what changed since the last step as one. */
  advance(): void {
    const { changed } = this
    if (changed.size === 0) return
    this.at++
    const isShort = changed.size * changeLength < this.bytes.length
    this.latest = isShort ? Array.from(changed, ({ cell, code }) => [cell, code] as const) : undefined
    changed.clear()
  }

  /** The last step. */
  last(members: Members): Step {
    this.arrange(members)
    return { at: this.at, order: this.ordered }
  }

  /** What a viewer is to be told after a step; `undefined` for nothing. */
  news(members: Members, told: Step | undefined): FleetFrame | CellsFrame | undefined {
    this.arrange(members)
    const { at, latest, ordered: order } = this
    const isSame = told?.order === order
    if (isSame && told.at === at) return undefined
    if (isSame && told.at === at - 1 && latest !== undefined) return { t: "cells", at, cells: latest }
    return { t: "fleet", at, order, ids: isSame ? undefined : this.ids, cells: this.bytes.toString("latin1") }
  }

  private arrange(members: Members): void {
    if (this.ids !== undefined) return
    this.bytes = Buffer.alloc(members.size)
    let cell = 0
    for (const member of members.values()) {
      member.cell = cell
      this.bytes[cell++] = zero + member.code
    }
    this.ids = [...members.keys()]
    this.ordered = ++this.at
  }
}
