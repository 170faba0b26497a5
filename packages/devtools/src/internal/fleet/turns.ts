/** Members that take turns: one part after another, without a look at those whose turn it is not. */
import type { Member } from "./member.ts"

export class Turns {
  private readonly members: Array<Member> = []
  private next = 0

  enter(member: Member): void {
    member.place = this.members.length
    this.members.push(member)
  }

  /** The last one takes its place, and may so wait for one round more. */
  leave(member: Member): void {
    const last = this.members.pop()
    if (last === undefined || last === member) return
    last.place = member.place
    this.members[member.place] = last
  }

  /** Those whose turn it is, so many at most. After everybody's turn the first are next. */
  take(most: number): ReadonlyArray<Member> {
    if (this.next >= this.members.length) this.next = 0
    const part = this.members.slice(this.next, this.next + most)
    this.next += part.length
    return part
  }
}
