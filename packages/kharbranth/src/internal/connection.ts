/**
 * Builds the public connection over a supervisor: what users call, as Effects,
 * Streams and Sinks. No state lives here.
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Codec from "../Codec.ts"
import type * as Connection from "../Connection.ts"
import * as ConnectionError from "../ConnectionError.ts"
import type { ConnectionMetrics } from "../ConnectionMetrics.ts"
import type { ConnectionState } from "../ConnectionState.ts"
import type { Delivery, SendOptions } from "../Outbox.ts"
import { Transport } from "../Transport.ts"
import type { Fork } from "./alarm.ts"
import * as Check from "./options.ts"
import { Fanout } from "./fanout.ts"
import * as Settings from "./settings.ts"
import { Supervisor } from "./supervisor.ts"

type Failure = ConnectionError.ConnectionError

export const make = <C extends Codec.Any, T, RO, RH>(
  name: string,
  given: Connection.Options<C, T, RO, RH>
): Effect.Effect<
  Connection.Connection<Codec.In<C>, Codec.Out<C>>,
  Failure,
  Connection.Requirements<T, RO, RH> | Scope.Scope
> => {
  // Requirements are captured below and provided to every fiber of the connection.
  const options = given as unknown as Settings.AnyOptions
  return Effect.gen(function* () {
    const transport = yield* Transport
    const { capabilities } = transport
    const wrong = Settings.checkOptions(name, options)
    if (wrong !== undefined) return yield* wrong
    const policies = Settings.policiesOf(options, capabilities)
    const recipe = yield* Settings.checkPolicies(name, policies, capabilities)
    const run = yield* FiberSet.makeRuntime<never, void, never>()
    const supervisor = new Supervisor<Codec.In<C>, Codec.Out<C>>({
      connection: name,
      codec: (given.codec ?? Codec.frames) as unknown as Codec.Codec<Codec.In<C>, Codec.Out<C>>,
      transport,
      clock: yield* Clock.Clock,
      random: yield* Random.Random,
      fork: supervised(run, name),
      policies,
      recipe,
      options: given as never
    })
    yield* Effect.addFinalizer(() => shutDown(supervisor))
    yield* start(supervisor, options)
    return publicOf(supervisor)
  })
}

// A fiber of ours never fails; if one dies it is our bug, and must be heard.
const supervised =
  (run: Fork, connection: string): Fork =>
  (effect) =>
    run(
      Effect.catchCause(effect, (cause) =>
        Cause.hasInterruptsOnly(cause)
          ? Effect.void
          : Effect.annotateLogs(Effect.logError(`internal failure: ${defectName(cause)}`), { connection })
      )
    )

const defectName = (cause: Cause.Cause<never>): string => {
  const defect = Cause.squash(cause)
  return defect instanceof Error ? defect.name : typeof defect
}

type Any<In, Out> = Supervisor<In, Out>

const start = <In, Out>(self: Any<In, Out>, options: Settings.AnyOptions): Effect.Effect<void, Failure> => {
  if (options.startup === "lazy") return Effect.void
  self.dispatch({ _tag: "Start" })
  if (options.startup === "background") return Effect.void
  const after = Settings.startupTimeout(options)
  return Effect.timeoutOrElse(awaitReady(self), {
    duration: after,
    orElse: () => {
      const state = self.state.getUnsafe()
      const last = state._tag === "Reconnecting" ? state.cause : undefined
      return Effect.fail(new ConnectionError.StartupTimeout({ connection: self.connection, after, last }))
    }
  })
}

const touch = <In, Out>(self: Any<In, Out>): void => {
  if (self.phase._tag === "Idle" && self.phase.reason === "NotStarted") self.dispatch({ _tag: "Start" })
}

const isOver = (state: ConnectionState): boolean => state._tag === "Disconnected" && state.reason === "Closed"

const awaitReady = <In, Out>(self: Any<In, Out>): Effect.Effect<void, Failure> =>
  self.state.until<void, Failure>((state) => {
    touch(self)
    if (state._tag === "Connected") return Effect.void
    if (state._tag === "Failed") return Effect.fail(state.error)
    return isOver(state) ? Effect.fail(self.notConnected()) : undefined
  })

// --- reading -------------------------------------------------------------------

/** Waits until there is something to take, or the end has come; then looks again in a turn of its own. */
const waiting = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const cancel = self.inbox.await(() => resume(Effect.void))
    return Effect.sync(cancel)
  })

const pulling = <In, Out, A>(
  self: Any<In, Out>,
  take: () => ReadonlyArray<A> | undefined
): Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Failure> => {
  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, Failure> = Effect.suspend(() => {
    const batch = take()
    if (batch !== undefined && Arr.isReadonlyArrayNonEmpty(batch)) return Effect.succeed(batch)
    const { ending } = self.inbox
    if (ending !== undefined) return ending.error === undefined ? Cause.done() : Effect.fail(ending.error)
    return Effect.andThen(waiting(self), pull)
  })
  return pull
}

const reader = <In, Out>(self: Any<In, Out>): Effect.Effect<void, Failure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      touch(self)
      return self.inbox.acquire()
        ? Effect.void
        : Effect.fail(new ConnectionError.ReaderBusy({ connection: self.connection }))
    }),
    () => Effect.sync(() => self.inbox.release())
  )

const reading = <In, Out, A>(self: Any<In, Out>, take: () => ReadonlyArray<A> | undefined): Stream.Stream<A, Failure> =>
  Stream.unwrap(Effect.map(reader(self), () => Stream.fromPull(Effect.succeed(pulling(self, take)))))

const receive = <In, Out>(self: Any<In, Out>): Effect.Effect<In, Failure> => {
  const one: Effect.Effect<In, Failure> = Effect.suspend(() => {
    const taken = self.inbox.takeOne()
    if (taken !== undefined) return Effect.succeed(taken.message)
    const { ending } = self.inbox
    if (ending !== undefined) return Effect.fail(ending.error ?? self.notConnected())
    return Effect.andThen(waiting(self), one)
  })
  return Effect.scoped(Effect.andThen(reader(self), one))
}

const broadcast = <In, Out>(
  self: Any<In, Out>,
  stream: Stream.Stream<In, Failure>,
  options: Connection.BroadcastOptions = {}
): Effect.Effect<Stream.Stream<In, Failure>, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const { capacity = 1024, strategy = "suspend" } = options
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      return yield* Check.invalid(self.connection, ["capacity"], "expected a whole number of at least 1")
    }
    const fanout = new Fanout<In, Failure>()
    yield* stream.pipe(
      Stream.runForEachArray((batch) => {
        fanout.publish(batch)
        return fanout.ready
      }),
      Effect.matchEffect({
        onSuccess: () => Effect.sync(() => fanout.end()),
        onFailure: (error) => Effect.sync(() => fanout.end(error))
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    return fanout.stream({ capacity, lossless: strategy === "suspend" })
  })

const tap = <In, Out>(self: Any<In, Out>, tapped: Connection.Tap<In, Out>): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const own = { ...tapped }
        self.taps.add(own)
        const remove = self.inbox.addTap({ claim: (message, epoch) => tapped.claim(message, epoch) })
        return { own, remove }
      }),
      ({ own, remove }) =>
        Effect.sync(() => {
          self.taps.delete(own)
          remove()
        })
    )
  )

// --- writing -------------------------------------------------------------------

const send = <In, Out>(
  self: Any<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.suspend(() => {
    const now = self.outbox.sendNow(message, options)
    if (now === true) return Effect.void
    return now === undefined ? offer(self, message, options) : Effect.fail(now)
  })

const offer = <In, Out>(
  self: Any<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.callback<void, ConnectionError.SendError>((resume) => {
    touch(self)
    self.active?.recheck(self.now())
    const withdraw = self.outbox.offer(message, options, (outcome) =>
      resume(outcome._tag === "Failed" ? Effect.fail(outcome.error) : Effect.void)
    )
    if (typeof withdraw !== "function") return resume(Effect.fail(withdraw))
    return Effect.sync(withdraw)
  })

const sendAll = <In, Out>(
  self: Any<In, Out>,
  messages: ReadonlyArray<Out>,
  from = 0
): Effect.Effect<void, ConnectionError.SendError> =>
  Effect.suspend(() => {
    const written = self.outbox.writeAllNow(from === 0 ? messages : messages.slice(from))
    if (typeof written !== "number") return Effect.fail(written)
    const next = from + written
    const message = messages[next]
    if (next >= messages.length) return Effect.void
    return Effect.andThen(offer(self, message as Out), sendAll(self, messages, next + 1))
  })

const track = <In, Out>(
  self: Any<In, Out>,
  message: Out,
  options?: SendOptions
): Effect.Effect<Effect.Effect<Delivery>, ConnectionError.SendError> =>
  Effect.callback<Effect.Effect<Delivery>, ConnectionError.SendError>((resume) => {
    touch(self)
    let delivery: Delivery | undefined
    const waiters = new Set<(delivery: Delivery) => void>()
    const outcome = Effect.callback<Delivery>((told) => {
      if (delivery !== undefined) return told(Effect.succeed(delivery))
      const waiter = (final: Delivery) => told(Effect.succeed(final))
      waiters.add(waiter)
      return Effect.sync(() => {
        waiters.delete(waiter)
      })
    })
    const withdraw = self.outbox.track(
      message,
      options,
      (error) => resume(error === undefined ? Effect.succeed(outcome) : Effect.fail(error)),
      (final) => {
        delivery = final
        for (const waiter of waiters) waiter(final)
        waiters.clear()
      }
    )
    return Effect.sync(withdraw)
  })

// --- steering ------------------------------------------------------------------

const restart = <In, Out>(self: Any<In, Out>, options: Connection.RestartOptions = {}): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const { mode = "breakFirst", reason = "asked for" } = options
    const before = self.epoch
    let successor: Failure | undefined
    const { leave, stream } = self.events.join({ capacity: 64, lossless: false })
    self.dispatch({ _tag: "Restart", mode, by: "user", reason })
    if (isOver(self.state.getUnsafe()) || self.state.getUnsafe()._tag === "Closing") {
      leave()
      return Effect.fail(self.notConnected())
    }
    const failed = stream.pipe(
      Stream.runForEach((event) => {
        if (event._tag === "SuccessorFailed") successor = event.error
        return successor === undefined ? Effect.void : Effect.fail(successor)
      }),
      Effect.andThen(Effect.never)
    )
    const ready = self.state.until<void, Failure>((state) => {
      if (state._tag === "Connected" && state.epoch > before) return Effect.void
      if (state._tag === "Failed") return Effect.fail(state.error)
      return isOver(state) ? Effect.fail(self.notConnected()) : undefined
    })
    return Effect.ensuring(Effect.raceFirst(ready, failed), Effect.sync(leave))
  })

const update = <In, Out>(
  self: Any<In, Out>,
  change: (policies: Connection.Policies) => Connection.Policies
): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const policies = change(self.policies)
    return Effect.map(Settings.checkPolicies(self.connection, policies, self.transport.capabilities), (recipe) =>
      self.adopt(policies, recipe)
    )
  })

const closed = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  self.state.until<void, never>((state) => (isOver(state) ? Effect.void : undefined))

const close = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.dispatch({ _tag: "Close" })
    return closed(self)
  })

const drain = <In, Out>(self: Any<In, Out>, deadline: Duration.Input = "30 seconds"): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.outbox.drainStarted()
    const empty = Effect.callback<void>((resume) => {
      const cancel = self.outbox.onEmpty(() => resume(Effect.void))
      return Effect.sync(cancel)
    })
    const duration = Check.duration(deadline)
    return Effect.andThen(Effect.timeoutOrElse(empty, { duration, orElse: () => Effect.void }), close(self))
  })

const shutDown = <In, Out>(self: Any<In, Out>): Effect.Effect<void> =>
  Effect.andThen(
    Effect.andThen(close(self), self.gone),
    Effect.sync(() => {
      self.inbox.discard()
      self.events.end()
    })
  )

const ping = <In, Out>(self: Any<In, Out>): Effect.Effect<Duration.Duration, Failure> =>
  Effect.suspend(() => {
    const session = self.live
    if (session === undefined) return Effect.fail(self.notConnected())
    const { connection } = self
    const issue = "no answer; the session ended, the peer is silent, or this heartbeat has no probe"
    return Effect.callback<Duration.Duration, Failure>((resume) => {
      session.rtt((rtt) =>
        resume(
          rtt === undefined
            ? Effect.fail(new ConnectionError.PingFailed({ connection, epoch: session.epoch, issue }))
            : Effect.succeed(Duration.millis(rtt))
        )
      )
    })
  })

const metrics = <In, Out>(self: Any<In, Out>): ConnectionMetrics => {
  const { active, figures, inbox, outbox } = self
  const state = self.state.getUnsafe()
  return {
    messagesIn: figures.messagesIn,
    bytesIn: figures.bytesIn,
    messagesOut: figures.messagesOut + (active?.writer?.written ?? 0),
    bytesOut: figures.bytesOut + (active?.writer?.bytes ?? 0),
    uptime: state._tag === "Connected" ? Math.max(0, self.wall() - state.since) : 0,
    lastMessageAt: inbox.lastMessageAt,
    rtt: figures.rttSummary(),
    reconnects: Math.max(0, figures.ready - 1),
    errors: figures.errors,
    dials: figures.dials,
    epoch: self.epoch,
    outbox: { messages: outbox.depth, bytes: outbox.bytes, oldestAge: outbox.oldestAge(self.now()) },
    inbox: { messages: inbox.messages, bytes: inbox.bytes },
    dropped: { ...figures.dropped }
  }
}

const publicOf = <In, Out>(self: Any<In, Out>): Connection.Connection<In, Out> => {
  const stream = reading(self, () => self.inbox.take())
  const steer = (input: { readonly _tag: "Pause" | "Resume" }) => Effect.sync(() => self.dispatch(input))
  return {
    name: self.connection,
    stream,
    entries: reading(self, () => self.inbox.takeEntries()),
    receive: receive(self),
    broadcast: (options) => broadcast(self, stream, options),
    tap: (tapped) => tap(self, tapped),
    sink: Sink.forEachArray((messages: ReadonlyArray<Out>) => sendAll(self, messages)),
    send: (message, options) => send(self, message, options),
    track: (message, options) => track(self, message, options),
    state: self.state,
    awaitReady: awaitReady(self),
    events: self.events.stream({ capacity: 1024, lossless: false }),
    metrics: Effect.sync(() => metrics(self)),
    ping: ping(self),
    probe: (reason, deadline) =>
      Effect.sync(() =>
        self.live?.probe(reason, deadline === undefined ? undefined : Duration.toMillis(Check.duration(deadline)))
      ),
    restart: (options) => restart(self, options),
    update: (change) => update(self, change),
    pause: steer({ _tag: "Pause" }),
    resume: steer({ _tag: "Resume" }),
    drain: (deadline) => drain(self, deadline),
    close: close(self),
    exportOutbox: Effect.sync(() => self.outbox.export()),
    importOutbox: (items) => Effect.sync(() => self.outbox.import(items))
  }
}
