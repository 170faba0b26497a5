// Drives an outbox at random against fake links and judges every step by the
// rules of delivery, kept here in the plainest form: a list of messages and
// what is known of each.
import { assert, describe, it } from "@effect/vitest"
import type { SendError } from "../../src/ConnectionError.ts"
import * as Meter from "../../src/internal/rateLimit/meter.ts"
import { type OutboxOwner, Outbox, Writer } from "../../src/internal/outbox/outbox.ts"
import type { Frame } from "../../src/Message.ts"
import * as Policy from "../../src/Outbox.ts"
import { trackIn } from "../../src/internal/connection/use/track.ts"
import type { Link } from "../../src/Transport.ts"
import * as Seeded from "../../src/testing/internal/seeded.ts"
import { NotConnected } from "../../src/ConnectionError.ts"
import { firstSeed, runsOf } from "../support/histories.ts"

/** A way to break the outbox, to show that the judge sees it. */
export interface Mutant {
  readonly name: string
  readonly outbox?: (outbox: Outbox<string, string>) => void
  readonly writer?: (writer: Writer) => void
}

interface Known {
  readonly n: number
  readonly text: string
  readonly size: number
  readonly tracked: boolean
  readonly lane: Policy.Lane
  readonly replay: boolean
  readonly whenDown: Policy.WhenDown
  readonly deadline: number
  readonly id: string | undefined
  position: number
  accepted: boolean
  /** How it ended for its sender or tracker. */
  outcome: string | undefined
  withdrawn: boolean
  /** Epochs that wrote it, and its number there. */
  readonly writes: Array<{ readonly epoch: number; readonly seq: number; readonly order: number }>
  /** Written and neither confirmed nor given up, if anyone cares. */
  retained: boolean
  replaying: boolean
}

class FakeLink implements Link {
  readonly protocol = ""
  private waiting = 0
  readonly onWrite: (frames: ReadonlyArray<Frame>, before: number) => void
  readonly onPing: () => void
  constructor(onWrite: (frames: ReadonlyArray<Frame>, before: number) => void, onPing: () => void) {
    this.onWrite = onWrite
    this.onPing = onPing
  }
  write(frames: ReadonlyArray<Frame>): void {
    const before = this.waiting
    for (const frame of frames) this.waiting += frame.length
    this.onWrite(frames, before)
  }
  ping(): void {
    this.onPing()
  }
  buffered(): number {
    return this.waiting
  }
  received(): number {
    return 0
  }
  pause(): void {}
  resume(): void {}
  close(): void {}
  terminate(): void {}
  drain(all: boolean): void {
    this.waiting = all ? 0 : Math.floor(this.waiting / 2)
  }
}

interface Session {
  readonly epoch: number
  readonly link: FakeLink
  readonly writer: Writer
  shown: number
  readonly pings: Array<number>
  over: boolean
}

/** One random life of an outbox. Throws when a rule is broken. */
export class Run {
  private readonly random: Seeded.Seeded
  private readonly outbox: Outbox<string, string>
  private readonly known: Array<Known> = []
  private readonly byText = new Map<string, Known>()
  private readonly sessions: Array<Session> = []
  private readonly deferred: Array<() => void> = []
  private readonly losses: Record<string, number> = {}
  private readonly expectedLosses: Record<string, number> = {}
  /** The numbers of probe frames, and those that pings came before. */
  private readonly probes = new Map<string, number>()
  private readonly pinged: Array<number> = []
  private readonly stamps: Array<number> = []
  private readonly withdrawals: Array<() => void> = []
  private active: Session | undefined
  private now = 0
  private armed = Infinity
  private order = 0
  private position = 0
  private lastPosition: Record<Policy.Lane, number> = { control: -1, data: -1 }
  private exporting = false
  private closing = false
  private superseded: Known | undefined
  private readonly overflow: Policy.Overflow
  private readonly capacity: number
  private readonly maxBytes: number
  private readonly maxReplays: number
  private readonly mark: number
  private readonly limit: number | undefined
  private readonly acks: boolean
  private readonly owner: OutboxOwner
  private readonly mutant: Mutant | undefined
  steps = 0

  constructor(seed: number, mutant?: Mutant) {
    const random = (this.random = Seeded.make(seed))
    this.mutant = mutant
    this.overflow = random.pick(["suspend", "dropOldest", "dropNewest", "fail"])
    this.capacity = random.pick([3, 8, 40])
    this.maxBytes = random.pick([200, 600, 5_000])
    this.maxReplays = random.pick([0, 1, 3])
    this.mark = random.pick([1, 100, 1_000])
    this.limit = random.pick([undefined, undefined, 4])
    this.acks = random.next() < 0.7
    this.owner = {
      mono: () => this.now,
      defer: (f) => void this.deferred.push(f),
      armOutbox: (at) => void (this.armed = Math.min(this.armed, at)),
      drop: (_, reason, count) => void (this.losses[reason] = (this.losses[reason] ?? 0) + count),
      reports: { waiting: () => {} },
      stateName: () => "Reconnecting"
    }
    this.outbox = new Outbox<string, string>({
      connection: "model",
      capacity: this.capacity,
      maxBytes: this.maxBytes,
      overflow: this.overflow,
      whenDown: "hold",
      ttl: 1_000,
      maxReplays: this.maxReplays,
      acks: this.acks ? { id: (m) => this.idOf(m), match: (m) => (m.includes(",") ? m.split(",") : m) } : undefined,
      encode: (message) => message,
      owner: this.owner
    })
    mutant?.outbox?.(this.outbox)
  }

  private chance(p: number): boolean {
    return this.random.next() < p
  }

  private idOf(text: string): string | undefined {
    return text.startsWith("a") ? text.split(":")[0] : undefined
  }

  private lose(reason: string): void {
    this.expectedLosses[reason] = (this.expectedLosses[reason] ?? 0) + 1
  }

  // What the link sees

  private sawWrite(session: Session, frames: ReadonlyArray<Frame>, before: number): void {
    assert.isFalse(session.over, "a dead session wrote")
    let length = before
    let sawData = false
    for (const frame of frames) {
      const text = frame as string
      this.stamp()
      if (text.startsWith("probe")) {
        this.probes.set(text, session.writer.written - frames.length + 1 + frames.indexOf(frame))
        length += text.length
        continue
      }
      assert.isTrue(length < this.mark, "written above the mark")
      length += text.length
      if (text.startsWith("own")) {
        assert.isFalse(sawData, "onOpen's messages go before data")
        continue
      }
      assert.strictEqual(session, this.active, "a session that is not attached wrote")
      const m = this.byText.get(text)!
      if (m.lane === "data") sawData = true
      else if (this.overflow !== "suspend") assert.isFalse(sawData, "control goes before data")
      this.judgeWrite(session, m, session.writer.written - frames.length + 1 + frames.indexOf(frame))
    }
  }

  private judgeWrite(session: Session, m: Known, seq: number): void {
    assert.isFalse(m.withdrawn, `withdrawn ${m.text} was written`)
    assert.isTrue(m.deadline > this.now, `expired ${m.text} was written`)
    if (m.writes.length === 0) {
      assert.isUndefined(m.outcome, `${m.text} ended as ${m.outcome} and was written`)
      assert.isTrue(m.position > this.lastPosition[m.lane], `${m.text} out of order`)
      this.lastPosition[m.lane] = m.position
      const replay = this.known.find((other) => other.replaying && other.lane === m.lane)
      assert.isUndefined(replay, `${m.text} overtook the replay of ${replay?.text}`)
    } else {
      assert.isTrue(m.replay && m.replaying, `${m.text} was written twice without need`)
      assert.isTrue(m.writes.length <= this.maxReplays, `${m.text} was replayed too often`)
      const mine = m.writes.at(-1)!.order
      for (const other of this.known) {
        if (other.replaying && other.lane === m.lane && other !== m) {
          assert.isTrue(other.writes.at(-1)!.order > mine, `replays out of order: ${m.text} before ${other.text}`)
        }
      }
    }
    m.replaying = false
    m.retained = m.tracked || m.replay
    m.writes.push({ epoch: session.epoch, seq, order: this.order++ })
  }

  private stamp(): void {
    this.stamps.push(this.now)
    if (this.limit === undefined) return
    const recent = this.stamps.filter((at) => at + 50 > this.now).length
    assert.isTrue(recent <= this.limit, `${recent} writes in a window of ${this.limit}`)
  }

  // What senders and trackers hear

  private ended(m: Known, outcome: string): void {
    assert.isUndefined(m.outcome, `${m.text} ended twice: ${m.outcome}, ${outcome}`)
    assert.isFalse(m.withdrawn, `${m.text} was withdrawn and ended as ${outcome}`)
    m.outcome = outcome
    const wasWritten = m.writes.length > 0
    const kind = outcome.split(" ")[0]
    if (kind === "Written" || kind === "Confirmed" || kind === "Unknown") {
      assert.isTrue(wasWritten, `${m.text} was never written and is ${outcome}`)
    } else assert.isFalse(wasWritten, `${m.text} was written and is ${outcome}`)
    if (outcome === "Expired") assert.isTrue(m.deadline <= this.now, `${m.text} expired early`)
    if (kind === "Dropped") this.lose(outcome.slice(8))
    if (outcome === "Expired") this.lose("expired")
    if (outcome === "Failed" && this.closing) this.lose("closed")
    if (outcome === "Dropped superseded") this.superseded = m
    if (outcome === "Unknown") this.judgeUnknown(m)
    if (kind !== "Written") m.retained = false
  }

  private judgeUnknown(m: Known): void {
    const spent = m.writes.length > this.maxReplays || m.deadline <= this.now
    assert.isTrue(!m.replay || spent || this.closing || this.exporting, `${m.text} could have been replayed`)
    m.replaying = false
  }

  private send(nested = false): void {
    const n = this.known.length
    const tracked = this.chance(0.4)
    const lane = this.random.pick(["data", "data", "control"] as const)
    const key = !nested && this.chance(0.2) ? this.random.pick(["x", "y"]) : undefined
    const replay = this.chance(0.3)
    const ttl = this.chance(0.2) ? this.random.pick([20, 200]) : undefined
    const whenDown = this.random.pick(["hold", "hold", "fail", "drop"] as const)
    const pad = key === undefined ? Math.floor(this.random.between(0, 60)) : 10
    const text = `${this.chance(0.6) ? "a" : "b"}${String(n).padStart(5, "0")}:${(n % 3 === 0 && key === undefined ? "é" : "e").repeat(pad)}`
    const size = Buffer.byteLength(text)
    const retained = tracked || replay
    const m: Known = {
      n,
      text,
      size,
      tracked,
      lane,
      replay,
      whenDown,
      deadline: this.now + (ttl ?? 1_000),
      id: retained && this.acks ? this.idOf(text) : undefined,
      position: this.position++,
      accepted: false,
      outcome: undefined,
      withdrawn: false,
      writes: [],
      retained: false,
      replaying: false
    }
    this.known.push(m)
    this.byText.set(text, m)
    const options = { lane, key, ttl, whenDown, replay: replay ? Policy.ifUnknown : undefined } as const
    if (!nested) this.superseded = undefined
    const wasDown = this.active === undefined
    if (tracked) this.track(m, options)
    else if (this.chance(0.3) && this.sendNow(m, options)) return
    else this.offer(m, options)
    // Inside of a callback it is told after this returns.
    if (nested) return
    if (wasDown && whenDown !== "hold") assert.isDefined(m.outcome, "nothing waits against its will")
    // The place of what it replaced.
    const old = this.superseded
    if (old !== undefined) m.position = old.position
  }

  private sendNow(m: Known, options: Policy.SendOptions): boolean {
    const before = this.active?.writer.written ?? 0
    const result = this.outbox.sendNow(m.text, options)
    if (result === undefined) return false
    assert.strictEqual(result, true)
    assert.strictEqual(this.active!.writer.written, before + 1)
    m.outcome = "Written"
    return true
  }

  private refused(m: Known, error: SendError): void {
    assert.isTrue(error._tag === "OutboxFull" || error._tag === "NotConnected", error._tag)
    if (error._tag === "NotConnected") assert.isTrue(this.active === undefined && m.whenDown === "fail")
    m.outcome = "refused"
  }

  private offer(m: Known, options: Policy.SendOptions): void {
    const withdraw = this.outbox.offer(m.text, options, (outcome) => {
      const failed =
        outcome._tag === "Failed" ? (outcome.error._tag === "SendExpired" ? "Expired" : "Failed") : undefined
      this.ended(m, outcome._tag === "Dropped" ? `Dropped ${outcome.reason}` : (failed ?? "Written"))
      if (this.chance(0.1) && !this.closing && this.known.length < 2_000) this.send(true)
    })
    if (typeof withdraw !== "function") return this.refused(m, withdraw)
    this.withdrawals.push(() => {
      withdraw()
      if (m.outcome === undefined && m.writes.length === 0) m.withdrawn = true
    })
  }

  private track(m: Known, options: Policy.SendOptions): void {
    const withdraw = trackIn(
      this.outbox,
      m.text,
      options,
      (error) => {
        assert.isFalse(m.accepted, "accepted twice")
        if (error === undefined) m.accepted = true
        else if (error._tag === "SendExpired") this.ended(m, "Expired")
        else if (this.closing) this.ended(m, "Failed")
        else this.refused(m, error)
      },
      (delivery) => {
        assert.isTrue(m.accepted, "settled before it was accepted")
        const more =
          delivery._tag === "Dropped" ? ` ${delivery.reason}` : delivery._tag === "Confirmed" ? ` ${delivery.by}` : ""
        this.ended(m, delivery._tag + more)
      }
    )
    this.withdrawals.push(() => {
      withdraw()
      if (!m.accepted && m.outcome === undefined) m.withdrawn = true
    })
  }

  // What happens to sessions

  private open(): Session {
    const epoch = this.sessions.length + 1
    const session: Session = { epoch, shown: 0, pings: [], over: false } as never
    const link = new FakeLink(
      (frames, before) => this.sawWrite(session, frames, before),
      () => {
        this.stamp()
        this.pinged.push(session.writer.written + 1)
      }
    )
    const meter =
      this.limit === undefined
        ? undefined
        : Meter.make({ limit: this.limit, window: 50, minGap: 0, reserve: 1, pongs: false })
    const writer = new Writer({ link, mark: this.mark, meter, owner: this.owner, connection: "model" })
    this.stamps.length = 0
    Object.assign(session, { link, writer })
    this.mutant?.writer?.(writer)
    this.sessions.push(session)
    if (this.chance(0.5)) writer.open(`own${epoch}`, () => {})
    return session
  }

  private attach(): void {
    // With a meter one session at a time: the judge counts all writes together.
    if (this.limit !== undefined && this.active !== undefined) this.end(this.active)
    this.active = this.open()
    this.outbox.attach(this.active.writer)
  }

  private end(session: Session): void {
    const clean = this.chance(0.3)
    const mine = this.known.filter((m) => m.retained && !m.replaying && m.writes.at(-1)?.epoch === session.epoch)
    const { writer } = session
    const waiting = mine.filter((m) => m.writes.at(-1)!.seq <= session.shown)
    const count = clean ? 0 : writer.written - session.shown + waiting.length
    for (const m of mine) {
      const again = !clean && m.replay && m.writes.length <= this.maxReplays && m.deadline > this.now
      m.replaying = again
      m.retained = again
    }
    if (this.active === session) this.active = undefined
    session.over = true
    writer.end()
    const report = this.outbox.detach(writer, { clean })
    assert.strictEqual(report.count, count, "the report's count")
    assert.strictEqual(this.outbox.detach(writer, { clean: !clean }), report, "detach is idempotent")
    for (const m of mine) {
      if (!m.tracked) continue
      const expected = clean ? "Confirmed close" : m.replaying || m.writes.length === 0 ? undefined : "Unknown"
      // A replay may have been written and confirmed again from within.
      if (expected !== undefined) assert.strictEqual(m.outcome, expected, m.text)
    }
    if (this.active === undefined) this.down()
  }

  private down(): void {
    this.outbox.down()
    const left = this.known.find(
      (m) => m.outcome === undefined && !m.withdrawn && m.writes.length === 0 && m.whenDown !== "hold"
    )
    assert.isUndefined(left, `${left?.text} waits though down`)
  }

  private acknowledge(m: Known): void {
    const isKnown = m.id !== undefined && (m.retained || m.replaying) && m.writes.length > 0
    if (isKnown && !m.replaying) {
      const { epoch, seq } = m.writes.at(-1)!
      const session = this.sessions[epoch - 1]!
      if (m.writes.length === 1) session.shown = Math.max(session.shown, seq)
    }
    if (isKnown) {
      m.retained = false
      m.replaying = false
    }
    const before = m.outcome
    this.outbox.acknowledge(this.chance(0.5) ? m.text.split(":")[0]! : `nobody,${m.text.split(":")[0]}`)
    if (isKnown && m.tracked) assert.strictEqual(m.outcome, "Confirmed ack", `${m.text} was acknowledged`)
    else assert.strictEqual(m.outcome, before)
  }

  private ping(session: Session): void {
    const asFrame = this.chance(0.5)
    const probe = asFrame ? `probe${this.order++}` : { ping: new Uint8Array(0) }
    session.writer.probe(probe, (seq) => {
      const number = typeof probe === "string" ? this.probes.get(probe) : this.pinged.shift()
      assert.strictEqual(seq, number, "a probe's number")
      session.pings.push(seq)
    })
  }

  private pong(session: Session): void {
    const seq = session.pings.shift()
    if (seq === undefined) return
    session.shown = Math.max(session.shown, seq - 1)
    const confirmed = this.known.filter(
      (m) =>
        m.retained &&
        !m.replaying &&
        m.id === undefined &&
        m.writes.at(-1)?.epoch === session.epoch &&
        m.writes.at(-1)!.seq < seq
    )
    for (const m of confirmed) m.retained = false
    this.outbox.ponged(session.writer, seq)
    for (const m of confirmed) if (m.tracked) assert.strictEqual(m.outcome, "Confirmed pong", m.text)
    const early = this.known.find((m) => m.outcome === "Confirmed pong" && m.retained)
    assert.isUndefined(early)
  }

  private advance(): void {
    const until = this.now + Math.floor(this.random.between(1, 120))
    while (this.armed <= until) {
      this.now = Math.max(this.now, this.armed)
      this.armed = Infinity
      // What expires while it waits to be written again is forgotten by the model here too.
      for (const m of this.known) if (m.replaying && m.deadline <= this.now) m.replaying = m.retained = false
      this.outbox.wake(this.now)
    }
    this.now = until
    for (const m of this.known) if (m.replaying && m.deadline <= this.now) assert.fail(`${m.text} was due`)
    const late = this.known.find(
      (m) => m.outcome === undefined && !m.withdrawn && m.writes.length === 0 && m.deadline <= this.now
    )
    assert.isUndefined(late, `${late?.text} should have expired`)
  }

  private turn(): void {
    for (const f of this.deferred.splice(0)) f()
  }

  private judge(): void {
    assert.isTrue(this.outbox.depth <= this.capacity, "too many messages")
    assert.isTrue(this.outbox.bytes <= this.maxBytes, "too many bytes")
    const waiting = this.known.filter((m) => m.outcome === undefined && !m.withdrawn && m.writes.length === 0)
    const kept = this.known.filter((m) => m.retained || m.replaying)
    assert.strictEqual(this.outbox.empty, waiting.length === 0 && kept.length === 0, "empty")
    if (this.overflow !== "suspend") {
      assert.strictEqual(this.outbox.depth, waiting.length + kept.length, "depth")
      assert.strictEqual(
        this.outbox.bytes,
        [...waiting, ...kept].reduce((sum, m) => sum + m.size, 0),
        "bytes"
      )
    }
    assert.deepStrictEqual(this.losses, this.expectedLosses, "losses")
  }

  private step(): void {
    const dice = this.random.next()
    const open = this.sessions.filter((session) => !session.over)
    const one = open.length === 0 ? undefined : this.random.pick(open as [Session, ...Array<Session>])
    if (dice < 0.45) this.send()
    else if (dice < 0.52) this.turn()
    else if (dice < 0.6) this.advance()
    else if (dice < 0.65) this.attach()
    else if (dice < 0.7 && one !== undefined) this.end(one)
    else if (dice < 0.8 && one !== undefined) {
      one.link.drain(this.chance(0.7))
      one.writer.drained()
    } else if (dice < 0.84 && one !== undefined) this.ping(one)
    else if (dice < 0.88 && one !== undefined) this.pong(one)
    else if (dice < 0.96 && this.known.length > 0) {
      const recent = this.known.slice(-30)
      this.acknowledge(this.random.pick(recent as [Known, ...Array<Known>]))
    } else this.withdrawals.splice(Math.floor(this.random.between(0, this.withdrawals.length)), 1)[0]?.()
    this.judge()
    this.steps++
  }

  /** Everything that still can be written is, once a healthy session is there and everybody answers. */
  private settle(): void {
    this.attach()
    for (let round = 0; round < 400 && !this.outbox.empty; round++) {
      for (const session of this.sessions.filter((each) => !each.over)) {
        session.link.drain(true)
        session.writer.drained()
      }
      this.turn()
      for (const m of this.known) if (m.retained && m.id !== undefined) this.acknowledge(m)
      for (const session of this.sessions.filter((each) => !each.over)) {
        this.ping(session)
        this.pong(session)
      }
      this.now += 10
      if (this.armed <= this.now) {
        this.armed = Infinity
        for (const m of this.known) if (m.replaying && m.deadline <= this.now) m.replaying = m.retained = false
        this.outbox.wake(this.now)
      }
    }
    assert.isTrue(this.outbox.empty, "something is left though everybody answers")
  }

  run(steps: number): number {
    for (let i = 0; i < steps; i++) this.step()
    if (this.chance(0.5)) this.settle()
    this.closing = true
    for (const m of this.known) m.replaying = m.retained = false
    this.outbox.close(new NotConnected({ connection: "model", state: "Closed" }))
    for (const m of this.known) {
      assert.isTrue(m.outcome !== undefined || m.withdrawn, `${m.text} has no outcome`)
      if (m.tracked && m.accepted) assert.notStrictEqual(m.outcome, "Written")
    }
    this.judge()
    return this.known.length
  }
}

const steps = 250

/** What goes wrong in one random life of an outbox, or of a mutant. */
export const attempt = (seed: number, mutant?: Mutant): Error | undefined => {
  try {
    new Run(seed, mutant).run(steps)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** Registers so many random lives; `SEED=n RUNS=1` replays one. */
export const lives = (many: number, runs = runsOf(many)) =>
  describe("the outbox against the rules of delivery", () => {
    it(`${runs} random lives of ${steps} steps`, () => {
      for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
        const error = attempt(seed)
        if (error !== undefined) throw new Error(`seed ${seed}: ${error.message}`, { cause: error })
      }
    })
  })
