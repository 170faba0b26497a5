/**
 * Subscriptions on one connection: it carries every topic, and when it is over, so
 * are they.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ConnectionError, InvalidOptions } from "../../ConnectionError.ts"
import * as ConnectionState from "../../ConnectionState.ts"
import type * as Public from "../../Subscriptions.ts"
import type { SubscriptionEvent } from "../../Subscriptions.ts"
import { Fanout } from "../kit/fanout.ts"
import { Fibers } from "../kit/fibers.ts"
import { check, quarantineOf } from "./options.ts"
import { SubscriptionsBase } from "./base.ts"
import { noCounts, type Registry } from "./registry.ts"
import { type Common, ConnectionDriver } from "./driver.ts"
import type { TopicReader } from "./reader.ts"
import type { Topic } from "./topic.ts"
import { timersOf } from "../kit/timers.ts"

class Single<T, In, Out, M> extends SubscriptionsBase<T, In, never> {
  readonly driver: ConnectionDriver<T, In, Out, M>
  private closed = false

  constructor(connection: Public.Carrier<In, Out>, common: Common<T, In, Out, M>, fibers: Fibers) {
    super(connection.name, common.options, common.counts, common.events)
    this.driver = new ConnectionDriver(connection, common, fibers, (error) => this.driver.registry.end(error))
  }

  protected get all(): ReadonlyMap<string, Topic<T, In>> {
    return this.driver.registry.topics
  }

  protected registryOf(): Registry<T, In> {
    return this.driver.registry
  }

  protected join(key: string, value: T, reader: TopicReader<In>): Effect.Effect<Topic<T, In>> {
    return Effect.sync(() => {
      const { connection, registry } = this.driver
      const topic = registry.join(key, value, reader)
      const state = connection.state.getUnsafe()
      if (this.closed || ConnectionState.isFinal(state)) registry.endTopic(topic, errorOf(state))
      return topic
    })
  }

  protected leave(topic: Topic<T, In>, reader: TopicReader<In>): Effect.Effect<void> {
    return Effect.sync(() => this.driver.registry.leave(topic, reader))
  }

  close(): void {
    this.closed = true
    this.driver.registry.end(undefined)
  }
}

const errorOf = (state: ConnectionState.ConnectionState): ConnectionError | undefined =>
  state._tag === "Failed" ? state.error : undefined

export const make = <T, In, Out, M>(
  connection: Public.Carrier<In, Out>,
  options: Public.Options<T, In, Out, M>
): Effect.Effect<Public.Subscriptions<T, In>, InvalidOptions, Scope.Scope> =>
  Effect.gen(function* () {
    const invalid = check(connection.name, options)
    if (invalid !== undefined) return yield* invalid
    const context = yield* Effect.context<never>()
    const events = new Fanout<SubscriptionEvent>()
    const common = { options, counts: noCounts(), events, timers: timersOf(context), quarantine: quarantineOf(options) }
    const subscriptions = new Single(connection, common, new Fibers(connection.name, context))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        subscriptions.close()
        events.end()
      })
    )
    yield* subscriptions.driver.start
    return subscriptions
  })
