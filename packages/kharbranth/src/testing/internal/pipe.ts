/**
 * One direction of one socket: an ordered stream of items with latency,
 * bandwidth and a bounded window of bytes on the way, like TCP. What the window
 * does not admit waits at the sender (`buffered`); what the reader does not take
 * keeps the window closed.
 */
import type { Agenda, Task } from "./agenda.ts"
import { headerSize, quantise } from "./bytes.ts"
import type { Seeded } from "./seeded.ts"

/** What the path is like right now; shared by the sockets of a host. */
export interface Path {
  readonly latency: number
  readonly jitter: number
  /** The chance of a lost packet, seen as the time until it is sent again. */
  readonly loss: number
  /** Bytes per millisecond. */
  readonly bandwidth: number
}

/** One thing that travels; `size` is its payload in bytes. */
export interface Item {
  readonly size: number
}

/** Why nothing is delivered. */
export type Hold = 1 | 2 | 4 | 8

/** The reader does not read. */
export const paused: Hold = 1
/** The path is stalled. */
export const stalled: Hold = 2
/** The reader's process is suspended. */
export const suspended: Hold = 4
/** A fault keeps the reader from reading. */
export const slow: Hold = 8

interface Chunk<I> {
  readonly item: I
  readonly bytes: number
  readonly first: boolean
  readonly last: boolean
  readonly arrival: number
  /** How long its bytes take to come in, at the path's bandwidth. */
  readonly transit: number
}

export interface Handlers<I> {
  /** The first bytes of an item are here; `false` refuses the rest. */
  begin(item: I): boolean
  arrive(item: I): void
  /** Waiting bytes have left the sender. */
  departed(): void
}

// The first wait before a lost packet is sent again, in milliseconds.
const retransmit = 200

// Both lines are arrays with a moving head: taking from them costs nothing, and
// the spent part is cut off once it is the larger half.
const compact = (line: Array<unknown>, head: number): number => {
  if (head < line.length && (head < 256 || head * 2 < line.length)) return head
  line.splice(0, head)
  return 0
}

export class Pipe<I extends Item> {
  private readonly agenda: Agenda
  private readonly random: Seeded
  private readonly window: number
  private readonly path: () => Path
  private readonly handlers: Handlers<I>
  private queue: Array<I> = []
  private queueHead = 0
  private headLeft = -1
  private waiting = 0
  private flight: Array<Chunk<I>> = []
  private flightHead = 0
  private outstanding = 0
  private lineFree = 0
  private lastArrival = 0
  private taken = 0
  private seen = 0
  private task: Task | undefined
  private held = 0
  private state: "open" | "dead" | "closed" = "open"
  private working = false

  constructor(agenda: Agenda, random: Seeded, window: number, path: () => Path, handlers: Handlers<I>) {
    this.agenda = agenda
    this.random = random
    this.window = window
    this.path = path
    this.handlers = handlers
  }

  /** Puts an item at the end of the line. */
  push(item: I): void {
    if (this.state === "closed") return
    this.queue.push(item)
    this.waiting += item.size + headerSize
  }

  /** Sends off what the window admits. Called after `push`, once per batch. */
  flush(): void {
    this.depart()
    this.schedule()
  }

  /** Bytes that have not left the sender. */
  buffered(): number {
    return this.waiting
  }

  /** Bytes that have reached the reader. */
  received(): number {
    if (this.held > 0 || this.state !== "open") return this.seen
    const now = this.agenda.now()
    let bytes = this.taken
    for (let i = this.flightHead; i < this.flight.length; i++) {
      const chunk = this.flight[i]!
      const into = now - (chunk.arrival - chunk.transit)
      if (into <= 0 || chunk.transit === 0) break
      bytes += Math.floor(chunk.bytes * Math.min(1, into / chunk.transit))
    }
    if (bytes > this.seen) this.seen = bytes
    return this.seen
  }

  /** Stops delivery for a reason, or lifts that reason. */
  hold(reason: Hold, on: boolean): void {
    if (on) this.held |= reason
    else this.held &= ~reason
    if (this.held === 0) this.schedule()
  }

  /** The path is gone: nothing arrives any more, and nobody is told. */
  die(): void {
    if (this.state !== "open") return
    this.state = "dead"
    this.drop()
  }

  /** Forgets what has not left the sender. */
  discard(): void {
    this.queue = []
    this.queueHead = 0
    this.headLeft = -1
    this.waiting = 0
  }

  /** Nobody reads here any more. */
  close(): void {
    this.state = "closed"
    this.discard()
    this.drop()
  }

  private drop(): void {
    this.flight = []
    this.flightHead = 0
    if (this.task !== undefined) this.agenda.cancel(this.task)
    this.task = undefined
  }

  private depart(): void {
    if (this.queueHead === this.queue.length) return
    const path = this.path()
    while (this.queueHead < this.queue.length) {
      const room = this.window - this.outstanding
      if (room <= 0) break
      const item = this.queue[this.queueHead]!
      const whole = item.size + headerSize
      const left = this.headLeft < 0 ? whole : this.headLeft
      const bytes = left < room ? left : room
      const last = bytes === left
      this.headLeft = last ? -1 : left - bytes
      this.waiting -= bytes
      this.outstanding += bytes
      if (last) this.queueHead++
      if (this.state === "open") this.launch(item, bytes, left === whole, last, path)
    }
    this.queueHead = compact(this.queue, this.queueHead)
  }

  private launch(item: I, bytes: number, first: boolean, last: boolean, path: Path): void {
    const now = this.agenda.now()
    const transit = path.bandwidth === Infinity ? 0 : bytes / path.bandwidth
    this.lineFree = Math.max(now, this.lineFree) + transit
    let delay = path.latency
    if (path.jitter > 0) delay += this.random.next() * path.jitter
    if (path.loss > 0) {
      for (let wait = retransmit; wait < 60_000 && this.random.next() < path.loss; wait *= 2) delay += wait
    }
    this.lastArrival = quantise(Math.max(this.lastArrival, this.lineFree + delay))
    this.flight.push({ item, bytes, first, last, arrival: this.lastArrival, transit })
  }

  private schedule(): void {
    if (this.task !== undefined || this.working || this.held > 0 || this.state !== "open") return
    const next = this.flight[this.flightHead]
    if (next === undefined) return
    this.task = this.agenda.at(next.arrival, this.take)
  }

  private readonly take = (): void => {
    this.task = undefined
    this.working = true
    const now = this.agenda.now()
    const had = this.waiting
    while (this.held === 0 && this.state === "open" && this.flightHead < this.flight.length) {
      const chunk = this.flight[this.flightHead]!
      if (chunk.arrival > now) break
      this.flightHead++
      this.outstanding -= chunk.bytes
      this.taken += chunk.bytes
      if (this.taken > this.seen) this.seen = this.taken
      if (chunk.first && !this.handlers.begin(chunk.item)) continue
      if (chunk.last) this.handlers.arrive(chunk.item)
    }
    this.flightHead = compact(this.flight, this.flightHead)
    this.working = false
    this.depart()
    this.schedule()
    if (this.waiting < had) this.handlers.departed()
  }
}
