/**
 * One page that looks. It is sent the newest of what it sees; one that is slow
 * misses what lies between, and what waits for it is bounded.
 */
import type { Step } from "../fleet/cells.ts"
import type { Batch, Sampling } from "../fleet/sampling.ts"
import { rowOf } from "../fleet/row.ts"
import { Window } from "../fleet/window.ts"
import type { Member } from "../fleet/member.ts"
import type { Detail, Frame, Outcome, Request, View } from "../wire/wire.ts"
import { KnownRows } from "./known.ts"
import { read } from "./request.ts"

/** Where frames go. */
export interface Outlet {
  readonly write: (text: string) => void
  /** How many bytes of it have not left this process. */
  readonly waiting: () => number
  readonly close: (code: number, reason: string) => void
}

/** What a viewer is told of the program, beside its connections. */
export interface Told {
  readonly budget: () => Frame
  readonly detailOf: (name: string) => Pick<Detail, "explanation" | "recording">
  /** Does what was asked, and answers later. */
  readonly act: (request: Action, answer: (outcome: Omit<Outcome, "t" | "ask">) => void) => void
}

export type Action = Extract<Request, { readonly t: "do" | "break" }>

/** What all viewers get alike: made once for each update. */
export interface Shared {
  readonly totals: () => string
  /** What is new of the cells since a step, if anything is. */
  readonly fleet: (since: Step | undefined) => string | undefined
}

/** Above so many bytes no news is added to what waits. */
const slowAt = 256 * 1024
/** Above so many, a viewer is given up: it has asked, and does not read the answers. */
const tooSlowAt = 4 * 1024 * 1024
/** How many of its commands may be under way. */
const askedAtMost = 16

const atFirst: View = { sort: "name", descending: false, text: "", states: [], from: 0, to: 50 }

export class Viewer {
  private readonly sampling: Sampling
  private readonly told: Told
  private readonly outlet: Outlet
  private readonly window = new Window(atFirst)
  private readonly rows = new KnownRows()
  /** How far it has been told of the cells. */
  private step: Step | undefined
  private followed: number | undefined
  private wantsBudget = false
  private asked = 0

  constructor(sampling: Sampling, told: Told, outlet: Outlet) {
    this.sampling = sampling
    this.told = told
    this.outlet = outlet
    this.window.refresh(sampling.members)
  }

  // --- what it sees ------------------------------------------------------------

  /** The members whose rows, or whose page, it sees. */
  get looksAt(): ReadonlyArray<Member> {
    const followed = this.followed === undefined ? undefined : this.sampling.members.get(this.followed)
    return followed === undefined ? this.window.shown : [...this.window.shown, followed]
  }

  /** Puts what changed in its place. Whether its rows may differ. */
  place(batch: Batch): boolean {
    return this.window.change(batch)
  }

  /** Sends the news. */
  update({ dirty, gone }: Batch, shared: Shared, isMeasured: boolean, hasRows: boolean): void {
    if (this.followed !== undefined && gone.some(({ id }) => id === this.followed)) {
      this.answer({ t: "gone", id: this.followed })
      this.followed = undefined
    }
    if (this.isSlow) return
    this.write(shared.totals())
    this.sendFleet(shared)
    if ((isMeasured || hasRows) && this.rows.isBehind(this.window)) this.sendRows()
    const followed = this.followed === undefined ? undefined : this.sampling.members.get(this.followed)
    if (followed !== undefined && (isMeasured || dirty.has(followed))) this.sendDetail(followed)
    if (this.wantsBudget) this.send(this.told.budget())
  }

  /** What a viewer sees at once. */
  begin(hello: Frame, shared: Shared): void {
    this.send(hello)
    this.write(shared.totals())
    this.sendFleet(shared)
    this.sendRows()
  }

  // --- what it says ------------------------------------------------------------

  receive(text: string): void {
    const request = read(text)
    if (request === undefined) return this.outlet.close(1008, "this is no request")
    switch (request.t) {
      case "view":
        this.window.show(request.view)
        this.window.refresh(this.sampling.members)
        this.sampling.explain(this.window.shown)
        return this.sendRows()
      case "again":
        return this.startOver()
      case "open":
        return this.follow(request.id)
      case "budget":
        this.wantsBudget = request.on
        return request.on ? this.send(this.told.budget()) : undefined
      default:
        return this.act(request)
    }
  }

  private follow(id: number | undefined): void {
    this.followed = id
    if (id === undefined) return
    const member = this.sampling.members.get(id)
    if (member !== undefined) return this.sendDetail(member)
    this.followed = undefined
    this.answer({ t: "gone", id })
  }

  private act(request: Action): void {
    const { ask } = request
    if (this.asked >= askedAtMost) {
      return this.answer({ t: "outcome", ask, ok: false, text: `${askedAtMost} commands are under way: wait for them` })
    }
    this.asked++
    this.told.act(request, (outcome) => {
      this.asked--
      this.answer({ t: "outcome", ask, ...outcome })
    })
  }

  // --- what it is sent ---------------------------------------------------------

  get waiting(): number {
    return this.outlet.waiting()
  }

  private get isSlow(): boolean {
    return this.waiting > slowAt
  }

  /** To one that is slow later: until then it is behind. */
  private sendRows(): void {
    if (!this.isSlow) this.write(JSON.stringify(this.rows.next(this.window)))
  }

  private sendFleet({ fleet }: Pick<Shared, "fleet">): void {
    const text = fleet(this.step)
    if (text !== undefined) this.write(text)
    this.step = this.sampling.step
  }

  /** Sends whole what it has missed a part of; to one that is slow later. */
  private startOver(): void {
    this.rows.forget()
    this.step = undefined
    if (this.isSlow) return
    this.sendFleet({ fleet: (since) => JSON.stringify(this.sampling.cells(since)) })
    this.sendRows()
  }

  private sendDetail(member: Member): void {
    const { observed } = member
    const found = this.sampling.isNewest(member) ? this.told.detailOf(member.name) : unknown
    this.send({ t: "detail", row: rowOf(member), ...found, subscriptions: observed.topics })
  }

  /** An answer is sent in any case. */
  private answer(frame: Frame): void {
    if (this.outlet.waiting() > tooSlowAt) return this.outlet.close(1008, "too slow")
    this.write(JSON.stringify(frame))
  }

  private send(frame: Frame): void {
    if (!this.isSlow) this.write(JSON.stringify(frame))
  }

  private write(text: string): void {
    this.outlet.write(text)
  }
}

const unknown = { explanation: undefined, recording: undefined }
