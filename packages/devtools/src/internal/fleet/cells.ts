/** The fleet as bytes, one a connection: only those that change are written again. */
import type { Member } from "./member.ts"

type Members = ReadonlyMap<number, Member>

const zero = 48

export class Cells {
  private bytes = Buffer.alloc(0)
  private ids: ReadonlyArray<number> | undefined

  /** One more, or one less: those behind it move up. */
  rearrange(): void {
    this.ids = undefined
  }

  change({ cell, code }: Member): void {
    if (this.ids !== undefined) this.bytes[cell] = zero + code
  }

  order(members: Members): ReadonlyArray<number> {
    if (this.ids !== undefined) return this.ids
    this.bytes = Buffer.alloc(members.size)
    let cell = 0
    for (const member of members.values()) {
      member.cell = cell
      this.bytes[cell++] = zero + member.code
    }
    return (this.ids = [...members.keys()])
  }

  text(members: Members): string {
    this.order(members)
    return this.bytes.toString("latin1")
  }
}
