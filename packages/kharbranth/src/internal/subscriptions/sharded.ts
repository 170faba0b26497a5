/**
 * Subscriptions on a pool: the pool decides which member carries a topic, and
 * each member has a driver of its own. A topic that moves keeps its subscribers;
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
import { check, quarantineOf } from "./options.ts"
import { SubscriptionsBase } from "./base.ts"
import { noCounts, type Registry } from "./registry.ts"
import { type Common, ConnectionDriver } from "./driver.ts"
import type { TopicReader } from "./reader.ts"
import { Topic } from "./topic.ts"
import { timersOf } from "../kit/timers.ts"

type Refused = PoolFull | ConnectionError

class Sharded<T, In, Out, M> extends SubscriptionsBase<T, In, Refused> {
  protected readonly all = new Map<string, Topic<T, In>>()
  private readonly pool: Public.Pool<In, Out>
  private readonly common: Common<T, In, Out, M>
  private readonly sizeOf: Public.ShardedOptions<T, In, Out, M>["size"]
  private readonly scope: Scope.Scope
  private readonly context: Context.Context<never>
  private readonly drivers = new Map<string, ConnectionDriver<T, In, Out, M>>()
  /** Which member carries each topic; none while no member has room. */
  private readonly driverBy = new Map<Topic<T, In>, ConnectionDriver<T, In, Out, M>>()
  /** One change at a time of topics, or of who carries them. */
  private readonly oneAtATime = Semaphore.makeUnsafe(1)
  private over = false

  constructor(
    pool: Public.Pool<In, Out>,
    common: Common<T, In, Out, M>,
    size: Public.ShardedOptions<T, In, Out, M>["size"],
    context: Context.Context<Scope.Scope>
  ) {
    super(pool.name, common.options, common.counts, common.events)
    this.pool = pool
    this.common = common
    this.sizeOf = size
    this.context = context
    this.scope = Context.get(context, Scope.Scope)
  }

  protected registryOf(key: string): Registry<T, In> | undefined {
    const topic = this.all.get(key)
    return topic === undefined ? undefined : this.driverBy.get(topic)?.registry
  }

  protected join(key: string, value: T, reader: TopicReader<In>): Effect.Effect<Topic<T, In>, Refused> {
    const joined = Effect.suspend((): Effect.Effect<Topic<T, In>, Refused> => {
      if (this.over) return Effect.fail(new NotConnected({ connection: this.name, state: "Closed" }))
      const known = this.all.get(key)
      if (known !== undefined) return Effect.succeed(this.joinKnown(known, reader))
      const topic = new Topic<T, In>(key, value)
      topic.joined(reader)
      this.all.set(key, topic)
      return this.pool.place({ id: key, size: this.sizeOf?.(value) }).pipe(
        Effect.andThen(this.settle(topic)),
        Effect.onError(() => Effect.sync(() => this.all.delete(key))),
        Effect.as(topic)
      )
    })
    return this.oneAtATime.withPermits(1)(joined)
  }

  private joinKnown(topic: Topic<T, In>, reader: TopicReader<In>): Topic<T, In> {
    const driver = this.driverBy.get(topic)
    if (driver === undefined) topic.joined(reader)
    else driver.registry.join(topic.key, topic.value, reader)
    return topic
  }

  protected leave(topic: Topic<T, In>, reader: TopicReader<In>): Effect.Effect<void> {
    // Its stream ends at once; the rest may have to wait for a member that is being opened.
    reader.end(undefined)
    const left = Effect.suspend(() => {
      const driver = this.driverBy.get(topic)
      if (driver === undefined) topic.left(reader)
      else driver.registry.leave(topic, reader)
      if (topic.readers.size > 0) return Effect.void
      this.all.delete(topic.key)
      this.driverBy.delete(topic)
      return this.pool.release(topic.key)
    })
    return this.oneAtATime.withPermits(1)(left)
  }

  // ---------------------------------------------------------------- members

  /** Brings a topic to the member that the pool has chosen, however often it has changed its mind. */
  private settle(topic: Topic<T, In>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const connection = this.pool.find(topic.key)
      const before = this.driverBy.get(topic)
      if (before?.connection === connection) return Effect.void
      this.driverBy.delete(topic)
      before?.registry.abandon(topic)
      if (connection === undefined) return Effect.void
      return Effect.map(this.driverOf(connection), (driver) => {
        this.driverBy.set(topic, driver)
        driver.registry.adopt(topic)
      })
    })
  }

  private driverOf(connection: Connection<In, Out>): Effect.Effect<ConnectionDriver<T, In, Out, M>> {
    const found = this.drivers.get(connection.name)
    return found === undefined ? this.newDriver(connection) : Effect.succeed(found)
  }

  private newDriver(connection: Connection<In, Out>): Effect.Effect<ConnectionDriver<T, In, Out, M>> {
    return Effect.flatMap(Scope.fork(this.scope), (scope) => {
      const { context } = this
      const fibers = new Fibers(connection.name, context)
      // One that has failed may be revived; one that is closed does not come back: names are not given twice.
      const over = (error: ConnectionError | undefined) => {
        if (error === undefined && this.drivers.delete(connection.name)) fibers.run(Scope.close(scope, Exit.void))
      }
      const driver = new ConnectionDriver(connection, this.common, fibers, over)
      this.drivers.set(connection.name, driver)
      return Effect.as(Scope.provide(driver.start, scope), driver)
    })
  }

  /** Follows the pool: which items have moved, and whether it is over. */
  readonly follow: Effect.Effect<void> = Effect.suspend(() =>
    Stream.runForEach(this.pool.moves, ({ items }) =>
      this.oneAtATime.withPermits(1)(
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

export const make = <T, In, Out, M>(
  pool: Public.Pool<In, Out>,
  options: Public.ShardedOptions<T, In, Out, M>
): Effect.Effect<Public.Subscriptions<T, In, Refused>, InvalidOptions, Scope.Scope> =>
  Effect.gen(function* () {
    const invalid = check(pool.name, options)
    if (invalid !== undefined) return yield* invalid
    const context = yield* Effect.context<Scope.Scope>()
    const events = new Fanout<SubscriptionEvent>()
    const common = { options, counts: noCounts(), events, timers: timersOf(context), quarantine: quarantineOf(options) }
    const subscriptions = new Sharded(pool, common, options.size, context)
    yield* Effect.addFinalizer(() => Effect.sync(() => subscriptions.close()))
    yield* Effect.forkScoped(subscriptions.follow, { startImmediately: true })
    return subscriptions
  })
