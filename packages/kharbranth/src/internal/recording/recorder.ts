/**
 * The recorder: a track for each connection, one bound on memory for all, and
 * what is taken from them when somebody asks.
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { InvalidOptions } from "../../ConnectionError.ts"
import type { ConnectionEvent } from "../../ConnectionEvent.ts"
import type { Observation } from "../../ConnectionObserver.ts"
import type * as Public from "../../Recorder.ts"
import type * as Connection from "../../Connection.ts"
import type * as Inbox from "../../Inbox.ts"
import type * as Outbox from "../../Outbox.ts"
import type { Watcher } from "../connection/run/watching.ts"
import { type Measured, metrics } from "../connection/use/metrics.ts"
import { type BeginToWatch, watching } from "../connection/use/observe.ts"
import type { Observer } from "../kit/fanout.ts"
import { attempt } from "../kit/guard.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import type { Command, Input, State } from "../lifecycle/model.ts"
import * as Check from "../model/check.ts"
import { ttlOf } from "../outbox/options.ts"
import { maxStallOf } from "../transport/backpressure.ts"
import { hostsOf } from "./hosts.ts"
import { type Counted, Others } from "./others.ts"
import { plain } from "./plain.ts"
import { Steps } from "./steps.ts"
import * as Text from "./text.ts"
import { Track } from "./track.ts"

type Recording = Public.Recording

interface Settings {
  readonly entries: number
  readonly bytes: number
  readonly steps: number
  readonly failed: (recording: () => Recording) => void
}

/** A connection, as what records it sees it. */
interface Watched extends Measured {
  readonly connection: string
  readonly policies: Pick<Connection.Policies, "target" | "dialTimeout" | "openTimeout">
  readonly inbox: Measured["inbox"] & { readonly highMark: number }
  readonly options: {
    readonly inbox?: (Pick<Inbox.Options<never>, "maxStall"> & { readonly overflow?: unknown }) | undefined
    readonly outbox?: Pick<Outbox.Options<unknown, never>, "ttl"> | undefined
  }
}

/** What a connection under watch reports to. */
interface Desk {
  readonly happened: (subject: Subject, event: ConnectionEvent) => void
  readonly stepped: (subject: Subject) => void
  readonly closed: (subject: Subject) => void
}

/**
 * A connection under watch: it listens to the events and to the lifecycle itself,
 * because ten thousand may be recorded, and functions for it would be a third of
 * what they take. Errors of users are read here, and reading one may throw: the
 * entry is lost, and the connection goes on.
 */
class Subject implements Counted, Observer<ConnectionEvent>, Watcher {
  readonly watched: Watched
  readonly track: Track
  readonly steps: Steps | undefined
  share: Counted["share"]
  items: Array<ConnectionEvent> = []
  private readonly desk: Desk

  constructor(watched: Watched, { entries, steps }: Settings, desk: Desk) {
    this.watched = watched
    this.track = new Track(entries)
    this.steps = steps === 0 ? undefined : new Steps(steps)
    this.desk = desk
    this.share = undefined
  }

  get capacity(): number {
    return Infinity
  }

  get waiting(): this {
    return this
  }

  wake(): void {
    const { items } = this
    this.items = []
    for (const event of items) attempt(() => this.desk.happened(this, event), nothing)
  }

  stepped(input: Input, commands: ReadonlyArray<Command>, state: State, now: number): void {
    attempt(() => {
      this.track.stepped(input, commands)
      this.steps?.add(input, state, now)
      this.desk.stepped(this)
      if (state.phase._tag === "Closed") this.desk.closed(this)
    }, nothing)
  }
}

const nothing = (): void => {}

/** How many connections that were closed are kept. */
const closedAtMost = 64

class Tracks implements Desk {
  private readonly settings: Settings
  /** By name, the newest. */
  private readonly subjects = new Map<string, Subject>()
  /** Those of connections that are closed. */
  private readonly past: Array<Subject> = []
  private readonly others = new Others()
  private bytes = 0
  /** The clocks when the first connection was made. */
  private began: { readonly mono: number; readonly wall: number } | undefined
  /** Whose turn it is to give up an entry. */
  private turn: Iterator<Subject> | undefined

  constructor(settings: Settings) {
    this.settings = settings
  }

  readonly watch: BeginToWatch = (watched) => {
    this.began ??= { mono: watched.mono(), wall: watched.wall() }
    const subject = new Subject(watched, this.settings, this)
    this.enter(subject)
    watched.reports.events.add(subject)
    return subject
  }

  happened(subject: Subject, event: ConnectionEvent): void {
    const { track, watched } = subject
    const before = track.bytes
    track.add(event, this.at(watched))
    if (this.subjects.get(watched.connection) === subject) {
      this.bytes += track.bytes - before
      this.bound(subject)
    }
    // The state follows in the same turn.
    if (event._tag === "GaveUp") nextMicrotask(() => this.settings.failed(() => this.take(subject)))
  }

  stepped(subject: Subject): void {
    this.others.stepped(subject)
  }

  closed(subject: Subject): void {
    this.past.push(subject)
    if (this.past.length <= closedAtMost) return
    const oldest = this.past.shift()
    if (oldest !== undefined && this.subjects.get(oldest.watched.connection) === oldest) this.leave(oldest)
  }

  get names(): ReadonlyArray<string> {
    return [...this.subjects.keys()]
  }

  of(name: string): Option.Option<Recording> {
    return Option.map(Option.fromUndefinedOr(this.subjects.get(name)), (subject) => this.take(subject))
  }

  private at(watched: Watched): number {
    return watched.mono() - (this.began?.mono ?? 0)
  }

  private enter(subject: Subject): void {
    const { connection } = subject.watched
    const before = this.subjects.get(connection)
    if (before !== undefined) this.leave(before)
    this.subjects.set(connection, subject)
    this.others.enter(subject)
  }

  private leave(subject: Subject): void {
    this.subjects.delete(subject.watched.connection)
    this.bytes -= subject.track.bytes
    this.others.leave(subject)
  }

  /** Keeps all within the bound: each in its turn gives up an entry, and who has few keeps them while others have more. */
  private bound(subject: Subject): void {
    for (let looked = 0; this.bytes > this.settings.bytes;) {
      const next = looked++ < turnsAtMost ? this.nextInTurn() : subject
      const { track } = next ?? subject
      if (track.entries.length <= few && next !== subject) continue
      const before = track.bytes
      if (!track.evict()) return
      this.bytes += track.bytes - before
    }
  }

  private nextInTurn(): Subject | undefined {
    this.turn ??= this.subjects.values()
    const { value } = this.turn.next() as { readonly value: Subject | undefined }
    if (value === undefined) this.turn = undefined
    return value
  }

  private take(subject: Subject): Recording {
    const { steps, track, watched } = subject
    const state = watched.state.getUnsafe()
    const taken = steps?.taken()
    return {
      format: "kharbranth-recording",
      version: 1,
      startedAt: DateTime.formatIso(DateTime.makeUnsafe(this.began?.wall ?? 0)),
      takenAt: this.at(watched),
      connection: { name: watched.connection, hosts: hostsOf(watched.policies.target), policies: policiesOf(watched) },
      state: plain(state),
      metrics: metrics(watched),
      others: this.others.of(subject),
      folded: { ...track.folded },
      evicted: track.evicted,
      entries: [...track.entries],
      ...(taken === undefined ? {} : { steps: taken })
    }
  }
}

/** Who has no more entries than this gives none up while others have more. */
const few = 8

/** How many are asked in their turn before the one that has just recorded gives up its own. */
const turnsAtMost = 64

const overflowOf = (overflow: unknown): string =>
  typeof overflow === "string" ? overflow : overflow === undefined ? "fail" : "shed"

const policiesOf = (watched: Watched): Recording["connection"]["policies"] => {
  const { policies } = watched
  const { inbox, outbox } = watched.options
  return {
    dialTimeout: Duration.toMillis(policies.dialTimeout),
    openTimeout: Duration.toMillis(policies.openTimeout),
    maxStall: maxStallOf(inbox),
    ttl: ttlOf(outbox),
    overflow: overflowOf(inbox?.overflow),
    highWaterMark: watched.inbox.highMark
  }
}

const check = (options: Public.Options): InvalidOptions | undefined =>
  Check.wholeNumber("recorder", ["entries"], options.entries, 8) ??
  Check.wholeNumber("recorder", ["bytes"], options.bytes, 1024) ??
  Check.wholeNumber("recorder", ["steps"], options.steps, 1)

/** How many programs for connections that gave up may run. */
const runningAtMost = 64

/** Runs the user's program for a connection that gave up; somebody hears it fail. */
const reporting = Effect.fnUntraced(function* ({ onFailed }: Public.Options) {
  const scope = yield* Effect.scope
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  let running = 0
  return (recording: () => Recording): void => {
    if (onFailed === undefined || running >= runningAtMost) return
    running++
    const program = Effect.suspend(() => onFailed(recording())).pipe(
      Effect.catchCause((cause) => Effect.logWarning("the recorder's `onFailed` failed", cause)),
      Effect.ensuring(Effect.sync(() => running--))
    )
    Fiber.runIn(fork(program), scope)
  }
})

/** What gives the recordings, and what records the connections that are made with it. */
export interface Built {
  readonly recorder: Public.Recorder["Service"]
  readonly observation: Observation
}

export const build = Effect.fnUntraced(function* (
  options: Public.Options = {}
): Effect.fn.Return<Built, InvalidOptions, Scope.Scope> {
  const wrong = check(options)
  if (wrong !== undefined) return yield* wrong
  const tracks = new Tracks({
    entries: options.entries ?? 128,
    bytes: options.bytes ?? 16 * 1024 * 1024,
    steps: options.steps ?? 0,
    failed: yield* reporting(options)
  })
  const recorder: Built["recorder"] = {
    names: Effect.sync(() => tracks.names),
    of: (name) => Effect.sync(() => tracks.of(name)),
    dump: (where = () => true) =>
      Stream.suspend(() =>
        Stream.flatMap(Stream.fromIterable(tracks.names.filter(where)), (name) =>
          Option.match(tracks.of(name), {
            onNone: () => Stream.empty,
            onSome: (recording) => Stream.succeed(Text.write(recording))
          })
        )
      )
  }
  return { recorder, observation: watching(tracks.watch) }
})
