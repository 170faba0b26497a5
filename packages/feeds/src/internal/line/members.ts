/**
 * The connections of a line, listened to: what the venue says to a whole
 * connection (a notice, an error), and the end of a session, passed on to the
 * topics that it concerns.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Connection } from "kharbranth/Connection"
import type * as ConnectionPool from "kharbranth/ConnectionPool"
import type * as Subscriptions from "kharbranth/Subscriptions"
import type { Reason } from "../../FeedEvent.ts"
import type { Arrival, LineSession, Request, Word } from "./incoming.ts"

export type Member = Connection<Arrival, Request>

/** A topic's reader or book, as its line sees it. */
export interface Watcher {
  /** What came until now is all there is, for this reason. */
  interrupted(reason: Reason): void
  /** The venue's maintenance is over. */
  resumed(): void
}

/** Counts of one line, all of its connections together. */
export interface LineCounts {
  frames: number
  /** Frames that are no data, no answer and no notice. */
  unknown: number
  errors: number
  notices: number
  /** Holes in a connection's count. */
  gaps: number
  /** Frames that did not decode as what their topic carries. */
  malformed: number
  reconnects: number
}

export const noCounts = (): LineCounts => ({
  frames: 0,
  unknown: 0,
  errors: 0,
  notices: 0,
  gaps: 0,
  malformed: 0,
  reconnects: 0
})

/** What happens to a connection of a line and is no state. */
export type LineReport =
  | { readonly _tag: "VenueError"; readonly connection: string; readonly reason: string }
  | { readonly _tag: "Notice"; readonly connection: string; readonly want: "rotate" | "pause" | "resume" }
  | { readonly _tag: "ReconnectAsked"; readonly connection: string; readonly reason: string }

export interface MembersOwner {
  readonly counts: LineCounts
  readonly clock: Clock.Clock
  readonly scope: Scope.Scope
  readonly run: (effect: Effect.Effect<void>) => unknown
  readonly report: (report: LineReport) => void
}

/** The least time between two sessions that are replaced, in milliseconds. */
const reconnectGap = 5_000

/** How long a venue's maintenance may last before the connection is replaced. */
const maintenanceAtMost = "5 minutes"

/** The session that is Ready, if there is one. */
const epochOf = ({ state }: Member): number | undefined => {
  const now = state.getUnsafe()
  return now._tag === "Connected" ? now.epoch : undefined
}

export class Members {
  private readonly pool: ConnectionPool.Shards<Arrival, Request>
  private readonly owner: MembersOwner
  private readonly watchers = new Map<string, Set<Watcher>>()
  private readonly followed = new Map<string, Member>()
  /** When each connection was last asked to reconnect. */
  private readonly asked = new Map<string, number>()

  constructor(pool: ConnectionPool.Shards<Arrival, Request>, owner: MembersOwner) {
    this.pool = pool
    this.owner = owner
  }

  /** Hears what concerns the connection of a topic, for as long as the Scope. */
  watch(key: string, watcher: Watcher): Effect.Effect<void, never, Scope.Scope> {
    const join = Effect.sync(() => {
      const watchers = this.watchers.get(key)
      if (watchers === undefined) this.watchers.set(key, new Set([watcher]))
      else watchers.add(watcher)
    })
    const leave = Effect.sync(() => {
      const watchers = this.watchers.get(key)
      watchers?.delete(watcher)
      if (watchers?.size === 0) this.watchers.delete(key)
    })
    return Effect.acquireRelease(join, () => leave)
  }

  /** Replaces the session that the connection has now. Soon after another call this one waits, and does nothing if the session is gone by then. */
  reconnect(connection: Member, reason: string): Effect.Effect<void> {
    return Effect.suspend(() => this.replace(connection, epochOf(connection), reason))
  }

  private replace(connection: Member, epoch: number | undefined, reason: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (epochOf(connection) !== epoch) return Effect.void
      const now = this.owner.clock.currentTimeMillisUnsafe()
      const wait = (this.asked.get(connection.name) ?? -Infinity) + reconnectGap - now
      if (wait > 0) {
        const later = this.replace(connection, epoch, reason)
        return Effect.andThen(Effect.sleep(Duration.millis(wait)), later)
      }
      this.asked.set(connection.name, now)
      this.owner.counts.reconnects++
      this.owner.report({ _tag: "ReconnectAsked", connection: connection.name, reason })
      return Effect.ignore(connection.restart({ reason }))
    })
  }

  /** Replaces the session of each connection, at the same time. */
  reconnectAll(reason: string): Effect.Effect<void> {
    return Effect.suspend(() =>
      Effect.forEach([...this.followed.values()], (connection) => this.reconnect(connection, reason), {
        concurrency: "unbounded",
        discard: true
      })
    )
  }

  /** The pool as the subscriptions see it: each connection that it gives is listened to. */
  get listened(): Subscriptions.Pool<Arrival, Request> {
    const { pool } = this
    return {
      name: pool.name,
      place: (item) => Effect.tap(pool.place(item), (connection) => this.follow(connection)),
      release: pool.release,
      find: pool.find,
      moves: Stream.tap(pool.moves, ({ to }) => (to === undefined ? Effect.void : this.follow(to)))
    }
  }

  /** Listens until the connection is closed. */
  private follow(connection: Member): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.followed.has(connection.name)) return Effect.void
      this.followed.set(connection.name, connection)
      const listening = Effect.andThen(this.listen(connection), Stream.runDrain(connection.state.changes))
      const forgotten = Effect.sync(() => {
        this.followed.delete(connection.name)
        this.asked.delete(connection.name)
      })
      const following = Effect.ensuring(Effect.scoped(listening), forgotten)
      return Effect.asVoid(Effect.forkIn(following, this.owner.scope, { startImmediately: true }))
    })
  }

  private listen(connection: Member): Effect.Effect<void, never, Scope.Scope> {
    const sessions = new Map<number, LineSession>()
    const { counts } = this.owner
    return connection.tap({
      claim: (arrival, epoch) => {
        if (!sessions.has(epoch)) sessions.set(epoch, arrival.session)
        counts.frames += arrival._tag === "Batch" ? arrival.raws.length : 1
        if (arrival._tag === "Word") return this.heard(connection, arrival)
        if (arrival._tag === "Batch" && arrival.gap) this.missed(connection)
        return false
      },
      ended: (epoch) => {
        const session = sessions.get(epoch)
        sessions.delete(epoch)
        // A session that ends while another one is Ready was replaced without a gap, or the topics' entries say so.
        if (connection.state.getUnsafe()._tag === "Connected") return
        if (session !== undefined) session.over = true
        this.interrupt(connection, "disconnected")
      }
    })
  }

  /** Takes what is for nobody else. Data and answers are for the subscriptions. */
  private heard(connection: Member, { kind, session }: Word): boolean {
    const { counts } = this.owner
    if (kind.gap) this.missed(connection)
    switch (kind._tag) {
      case "Answer":
        return false
      case "Beat":
        return true
      case "Notice":
        if (kind.want !== "none") this.noticed(connection, session, kind.want)
        return true
      case "Error":
        counts.errors++
        this.owner.report({ _tag: "VenueError", connection: connection.name, reason: kind.reason })
        return true
      case "Unknown":
        counts.unknown++
        return true
    }
  }

  private missed(connection: Member): void {
    this.owner.counts.gaps++
    this.interrupt(connection, "connection")
  }

  private noticed(connection: Member, session: LineSession, want: "rotate" | "pause" | "resume"): void {
    const { counts, report, run } = this.owner
    counts.notices++
    report({ _tag: "Notice", connection: connection.name, want })
    if (want === "pause" && !session.paused) {
      session.paused = true
      this.interrupt(connection, "maintenance")
      run(Effect.andThen(Effect.sleep(maintenanceAtMost), this.outlasted(connection, session)))
    }
    if (want === "resume" && session.paused) {
      session.paused = false
      for (const watcher of this.watchersOf(connection)) watcher.resumed()
    }
  }

  private outlasted(connection: Member, session: LineSession): Effect.Effect<void> {
    return Effect.suspend(() =>
      session.paused && !session.over ? this.reconnect(connection, "the venue's maintenance does not end") : Effect.void
    )
  }

  private interrupt(connection: Member, reason: Reason): void {
    for (const watcher of this.watchersOf(connection)) watcher.interrupted(reason)
  }

  private watchersOf(connection: Member): ReadonlyArray<Watcher> {
    const found: Array<Watcher> = []
    for (const [key, watchers] of this.watchers) {
      if (this.pool.find(key) === connection) for (const watcher of watchers) found.push(watcher)
    }
    return found
  }
}
