/**
 * What the server of all feeds saw: which sockets of a name were open when, which
 * of their frames came from one that was no longer the owner, and every dial.
 */

/** One socket, as the server saw it. Times are milliseconds of the wall clock. */
interface Socket {
  readonly name: string
  readonly epoch: number
  readonly holder: string
  readonly openedAt: number
}

export interface Double {
  readonly name: string
  readonly at: number
  readonly millis: number
}

export interface Verdict {
  /** Spans in which a name had two sockets, those that go on included. */
  readonly doubles: ReadonlyArray<Double>
  /** Frames of a socket whose name had been opened under a later lease. */
  readonly staleFrames: number
  /** Spans in which a name that was open before had no socket, that are over. */
  readonly gaps: ReadonlyArray<number>
  /** Sockets that closed. */
  readonly closes: number
  readonly dials: ReadonlyArray<number>
  /** Names with exactly one socket, by holder. */
  readonly open: Readonly<Record<string, number>>
}

export class Judge {
  private readonly now: () => number
  private readonly sockets = new Map<number, Socket>()
  private readonly byName = new Map<string, Set<number>>()
  private readonly highest = new Map<string, number>()
  private readonly doubledSince = new Map<string, number>()
  private readonly closedAt = new Map<string, number>()
  private next = 0
  private doubles: Array<Double> = []
  private gaps: Array<number> = []
  private dials: Array<number> = []
  private staleFrames = 0
  private closes = 0

  constructor(now: () => number = () => Date.now()) {
    this.now = now
  }

  /** A socket is open; returns its number. */
  opened(name: string, holder: string, epoch: number): number {
    const at = this.now()
    const id = this.next++
    this.sockets.set(id, { name, holder, epoch, openedAt: at })
    const open = this.byName.get(name) ?? new Set()
    this.byName.set(name, open.add(id))
    this.dials.push(at)
    this.highest.set(name, Math.max(epoch, this.highest.get(name) ?? 0))
    const closed = this.closedAt.get(name)
    if (closed !== undefined) this.gaps.push(at - closed)
    this.closedAt.delete(name)
    if (open.size === 2) this.doubledSince.set(name, at)
    return id
  }

  frame(id: number): void {
    const socket = this.sockets.get(id)
    if (socket !== undefined && socket.epoch < (this.highest.get(socket.name) ?? 0)) this.staleFrames++
  }

  closed(id: number): void {
    const socket = this.sockets.get(id)
    if (socket === undefined) return
    const at = this.now()
    this.sockets.delete(id)
    this.closes++
    const open = this.byName.get(socket.name)!
    open.delete(id)
    const since = this.doubledSince.get(socket.name)
    if (open.size === 1 && since !== undefined) {
      this.doubledSince.delete(socket.name)
      this.doubles.push({ name: socket.name, at: since, millis: at - since })
    }
    if (open.size === 0) this.closedAt.set(socket.name, at)
  }

  /** What was seen since the last time that the judge forgot. */
  verdict(): Verdict {
    const at = this.now()
    const open: Record<string, number> = {}
    for (const ids of this.byName.values()) {
      const [first, second] = ids
      if (first === undefined || second !== undefined) continue
      const { holder } = this.sockets.get(first)!
      open[holder] = (open[holder] ?? 0) + 1
    }
    const standing = [...this.doubledSince].map(([name, since]) => ({ name, at: since, millis: at - since }))
    return {
      doubles: [...this.doubles, ...standing],
      staleFrames: this.staleFrames,
      gaps: [...this.gaps],
      closes: this.closes,
      dials: [...this.dials],
      open
    }
  }

  /** A new scenario begins; sockets stay. */
  forget(): void {
    this.doubles = []
    this.gaps = []
    this.dials = []
    this.staleFrames = 0
    this.closes = 0
  }
}
