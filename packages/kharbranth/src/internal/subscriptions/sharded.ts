/**
 * Subscriptions on a pool: the pool decides which member carries a topic, and
 * each member has a line of its own. A topic that moves keeps its subscribers;
 * they see a `Gap`, as when a connection has changed its session.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type { Connection } from "../../Connection.ts"
import { type ConnectionError, type InvalidOptions, NotConnected } from "../../ConnectionError.ts"
import type { PoolFull } from "../../ConnectionPool.ts"
import type * as Public from "../../Subscriptions.ts"
import type { SubscriptionEvent } from "../../Subscriptions.ts"
import { Fanout } from "../kit/fanout.ts"
import { Fibers } from "../kit/fibers.ts"
import { check } from "./options.ts"
import { SubscriptionsBase } from "./base.ts"
import { noCounts } from "./registry.ts"
import { type Common, ConnectionDriver } from "./driver.ts"
import type { SubscriberBuffer } from "./buffer.ts"
import { Topic } from "./topic.ts"
import { timersOf } from "../kit/timers.ts"

type Refused = PoolFull | ConnectionError

class Sharded<T, In, Out> extends SubscriptionsBase<T, In, Refused> {
  protected readonly all = new Map<string, Topic<T, In>>()
  private readonly pool: Public.Pool<In, Out>
  private readonly common: Common<T, In, Out>
  private readonly sizeOf: Public.ShardedOptions<T, In, Out>["size"]
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  private readonly lines = new Map<string, ConnectionDriver<T, In, Out>>()
  private readonly homes = new Map<Topic<T, In>, ConnectionDriver<T, In, Out>>()
  /** Who changes topics or their homes does so alone. */
  private readonly alone = Semaphore.makeUnsafe(1)
  private over = false

  constructor(
    pool: Public.Pool<In, Out>,
    common: Common<T, In, Out>,
    size: Public.ShardedOptions<T, In, Out>["size"],
    context: Context.Context<Scope.Scope>
  ) {
    super(pool.name, common.options, common.counts, common.events)
    this.pool = pool
    this.common = common
    this.sizeOf = size
    this.context = context
    this.scope = Context.get(context, Scope.Scope)
  }

  protected isOn(topic: Topic<T, In>): boolean {
    return this.homes.get(topic)?.registry.active?.isOn(topic.key) === true
  }

  protected join(key: string, value: T, reader: SubscriberBuffer<In>): Effect.Effect<Topic<T, In>, Refused> {
    const joined = Effect.suspend((): Effect.Effect<Topic<T, In>, Refused> => {
      if (this.over) return Effect.fail(new NotConnected({ connection: this.name, state: "Closed" }))
      const known = this.all.get(key)
      if (known !== undefined) return Effect.succeed(this.joinKnown(known, reader))
      const topic = new Topic<T, In>(key, value)
      topic.readers.add(reader)
      this.all.set(key, topic)
      return this.pool.place({ id: key, size: this.sizeOf?.(value) }).pipe(
        Effect.andThen(this.settle(topic)),
        Effect.onError(() => Effect.sync(() => this.all.delete(key))),
        Effect.as(topic)
      )
    })
    return this.alone.withPermits(1)(joined)
  }

  private joinKnown(topic: Topic<T, In>, reader: SubscriberBuffer<In>): Topic<T, In> {
    const line = this.homes.get(topic)
    if (line === undefined) topic.readers.add(reader)
    else line.registry.join(topic.key, topic.value, reader)
    return topic
  }

  protected leave(topic: Topic<T, In>, reader: SubscriberBuffer<In>): Effect.Effect<void> {
    // Its stream ends at once; the rest may have to wait for a member that is being opened.
    reader.end(undefined)
    const left = Effect.suspend(() => {
      const line = this.homes.get(topic)
      if (line === undefined) topic.left(reader)
      else line.registry.leave(topic, reader)
      if (topic.readers.size > 0) return Effect.void
      this.all.delete(topic.key)
      this.homes.delete(topic)
      return this.pool.release(topic.key)
    })
    return this.alone.withPermits(1)(left)
  }

  // ---------------------------------------------------------------- lines

  /** Brings a topic to the member that the pool has chosen, however often it has changed its mind. */
  private settle(topic: Topic<T, In>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const connection = this.pool.find(topic.key)
      const before = this.homes.get(topic)
      if (before?.connection === connection) return Effect.void
      this.homes.delete(topic)
      before?.registry.abandon(topic)
      if (connection === undefined) return Effect.void
      return Effect.map(this.lineOf(connection), (line) => {
        this.homes.set(topic, line)
        line.registry.adopt(topic)
      })
    })
  }

  private lineOf(connection: Connection<In, Out>): Effect.Effect<ConnectionDriver<T, In, Out>> {
    const found = this.lines.get(connection.name)
    return found === undefined ? this.newLine(connection) : Effect.succeed(found)
  }

  private newLine(connection: Connection<In, Out>): Effect.Effect<ConnectionDriver<T, In, Out>> {
    return Effect.flatMap(Scope.fork(this.scope), (scope) => {
      const { context } = this
      const fibers = new Fibers(connection.name, context)
      // One that has failed may be revived; one that is closed does not come back: names are not given twice.
      const over = (error: ConnectionError | undefined) => {
        if (error === undefined && this.lines.delete(connection.name)) fibers.run(Scope.close(scope, Exit.void))
      }
      const line = new ConnectionDriver(connection, this.common, fibers, over)
      this.lines.set(connection.name, line)
      return Effect.as(Scope.provide(line.start, scope), line)
    })
  }

  /** Follows the pool: which items have moved, and whether it is over. */
  readonly follow: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.pool.moves, ({ items }) =>
      this.alone.withPermits(1)(
        Effect.forEach(
          items,
          (item) => {
            const topic = this.all.get(item)
            return topic === undefined ? Effect.void : this.settle(topic)
          },
          { discard: true }
        )
      )
    )
  ).pipe(Effect.ensuring(Effect.sync(() => this.close())))

  close(): void {
    this.over = true
    for (const topic of this.all.values()) topic.end(0, undefined)
    this.common.events.end()
  }
}

export const make = <T, In, Out>(
  pool: Public.Pool<In, Out>,
  options: Public.ShardedOptions<T, In, Out>
): Effect.Effect<Public.Subscriptions<T, In, Refused>, InvalidOptions, Scope.Scope> =>
  Effect.gen(function* () {
    const invalid = check(pool.name, options)
    if (invalid !== undefined) return yield* invalid
    const context = yield* Effect.context<Scope.Scope>()
    const events = new Fanout<SubscriptionEvent>()
    const common = { options, counts: noCounts(), events, timers: timersOf(context) }
    const subscriptions = new Sharded(pool, common, options.size, context)
    yield* Effect.addFinalizer(() => Effect.sync(() => subscriptions.close()))
    yield* Effect.forkScoped(subscriptions.follow, { startImmediately: true })
    return subscriptions
  })
