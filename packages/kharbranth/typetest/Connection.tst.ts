/**
 * Shows that a connection's types follow from its codec and its options alone:
 * what it reads and writes, what it needs and how it fails, through `make`,
 * `Service` and its layer; that requirements survive `Effect.all`; and that a
 * mistake is reported at the property that holds it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import * as Codec from "kharbranth/Codec"
import * as CodecSchema from "kharbranth/CodecSchema"
import * as Connection from "kharbranth/Connection"
import type * as Session from "kharbranth/Session"
import type { ConnectionError, SendError, TargetFailed } from "kharbranth/ConnectionError"
import * as Inbox from "kharbranth/Inbox"
import type * as Message from "kharbranth/Message"
import type { Transport } from "kharbranth/Transport"
import { expectTypeOf } from "vitest"

class Tokens extends Context.Service<Tokens, { readonly fresh: Effect.Effect<string, Error> }>()("Tokens") {}
class Audit extends Context.Service<Audit, { readonly note: (text: string) => Effect.Effect<void> }>()("Audit") {}
class Keys extends Context.Service<Keys, { readonly key: string }>()("Keys") {}

interface Trade {
  readonly price: number
}
interface Order {
  readonly buy: number
}

const target = "wss://feed.example/ws"
const tokenTarget = {
  url: target,
  headers: Effect.map(
    Tokens.use((tokens) => tokens.fresh),
    (token) => ({ token })
  )
}
const trades = Codec.jsonAs<Trade, Order>()

// ---- the codec is inferred, and everything follows from it --------------------

const frames = Connection.make("frames", { target })
expectTypeOf<Effect.Success<typeof frames>>().toEqualTypeOf<Connection.Connection<Message.Data, Message.Input>>()
expectTypeOf<Effect.Error<typeof frames>>().toEqualTypeOf<ConnectionError>()
expectTypeOf<Effect.Services<typeof frames>>().toEqualTypeOf<Transport | Scope.Scope>()

const text = Connection.make("text", { target, codec: Codec.text })
expectTypeOf<Effect.Success<typeof text>>().toEqualTypeOf<Connection.Connection<string, string>>()

const typed = Connection.make("typed", {
  target,
  codec: trades,
  onOpen: (session) => {
    expectTypeOf(session).toEqualTypeOf<Session.Session<Trade, Order>>()
    return session.send({ buy: 1 })
  },
  inbox: { overflow: { shed: Inbox.conflate, key: ({ price }) => price } },
  rotate: { dedupe: ({ price }) => price, notice: ({ price }) => price < 0 },
  outbox: { acks: { id: ({ buy }) => `${buy}`, match: ({ price }) => `${price}` } }
})
declare const connection: Effect.Success<typeof typed>
expectTypeOf(connection.stream).toEqualTypeOf<Stream.Stream<Trade, ConnectionError> & Connection.Stated>()
expectTypeOf(connection.entries).toEqualTypeOf<Stream.Stream<Inbox.Entry<Trade>, ConnectionError> & Connection.Stated>()
expectTypeOf(connection.sink).toEqualTypeOf<Sink.Sink<void, Order, never, SendError> & Connection.Stated>()
expectTypeOf(connection.send({ buy: 1 })).toEqualTypeOf<Effect.Effect<void, SendError>>()

const Wire = Schema.Struct({ at: Schema.Date })
const schema = Connection.make("schema", { target, codec: CodecSchema.json(Wire) })
expectTypeOf<Effect.Success<typeof schema>["stream"]>().toEqualTypeOf<
  Stream.Stream<{ readonly at: Date }, ConnectionError> & Connection.Stated
>()

const results = Connection.make("results", { target, codec: Codec.yieldErrors(trades) })
expectTypeOf<Effect.Success<typeof results>["receive"]>().toEqualTypeOf<
  Effect.Effect<Result.Result<Trade, Codec.DecodeIssue>, ConnectionError>
>()

// ---- variance: a connection is what it reads, and takes what it writes --------

declare const wide: Connection.Connection<Trade, Order | string>
expectTypeOf(wide).toExtend<Connection.Connection<unknown, Order>>()
expectTypeOf(wide).toExtend<Connection.Any>()
expectTypeOf<Connection.Any>().not.toExtend<Connection.Connection<Trade, never>>()
expectTypeOf(connection).not.toExtend<Connection.Connection<Trade, Order | string>>()

// ---- requirements: of the target, of onOpen (less its Scope), of the hooks ----

const needy = Connection.make("needy", {
  target: tokenTarget,
  codec: Codec.text,
  onOpen: (session) =>
    Effect.gen(function* () {
      yield* Effect.addFinalizer(() => Effect.void)
      yield* session.send((yield* Keys).key)
    }),
  hooks: { onText: (line) => Audit.use((audit) => audit.note(line)) }
})
expectTypeOf<Effect.Services<typeof needy>>().toEqualTypeOf<Transport | Tokens | Keys | Audit | Scope.Scope>()
expectTypeOf<Effect.Success<typeof needy>>().toEqualTypeOf<Connection.Connection<string, string>>()

// Naked type parameters turned into `any` here, and the requirements were gone.
const both = Effect.all([needy, Connection.make("tokens", { target: tokenTarget })])
expectTypeOf<Effect.Services<typeof both>>().toEqualTypeOf<Transport | Tokens | Keys | Audit | Scope.Scope>()
const inPlace = Effect.all([
  Connection.make("a", { target: tokenTarget, onOpen: () => Keys }),
  Connection.make("b", { target })
])
expectTypeOf<Effect.Services<typeof inPlace>>().toEqualTypeOf<Transport | Tokens | Keys | Scope.Scope>()
const named = Effect.all({
  a: Connection.make("a", { target: tokenTarget }),
  b: Connection.make("b", { target, codec: Codec.text })
})
expectTypeOf<Effect.Services<typeof named>>().toEqualTypeOf<Transport | Tokens | Scope.Scope>()
expectTypeOf<Effect.Success<typeof named>["b"]>().toEqualTypeOf<Connection.Connection<string, string>>()

// A union with Scope in it loses the Scope, and nothing else.
class Scoped extends Connection.Service<Scoped>()("app/Scoped", {
  target,
  onOpen: () =>
    Effect.andThen(
      Effect.addFinalizer(() => Effect.void),
      Effect.andThen(Keys, Tokens)
    )
}) {}
expectTypeOf(Scoped.layer).toEqualTypeOf<Layer.Layer<Scoped, ConnectionError, Transport | Keys | Tokens>>()

// An optional field of a target that may be there needs what it would need, and no `undefined`.
declare const perhaps: { readonly url: string; readonly expiresAt?: Effect.Effect<number, never, Keys> }
const optional = Connection.make("optional", { target: perhaps })
expectTypeOf<Effect.Services<typeof optional>>().toEqualTypeOf<Transport | Keys | Scope.Scope>()

// ---- Service and its layer -----------------------------------------------------

class Ticker extends Connection.Service<Ticker>()("app/Ticker", {
  target: tokenTarget,
  codec: trades,
  onOpen: (session) => Effect.andThen(Keys, session.send({ buy: 1 }))
}) {}
expectTypeOf(Ticker.layer).toEqualTypeOf<Layer.Layer<Ticker, ConnectionError, Transport | Tokens | Keys>>()

const program = Effect.gen(function* () {
  const { receive, send } = yield* Ticker
  yield* send({ buy: 2 })
  return yield* receive
})
expectTypeOf(program).toEqualTypeOf<Effect.Effect<Trade, ConnectionError, Ticker>>()
expectTypeOf(Layer.provide(Layer.empty, Ticker.layer)).toEqualTypeOf<
  Layer.Layer<never, ConnectionError, Transport | Tokens | Keys>
>()

// ---- errors are typed ------------------------------------------------------------

const handled = Effect.catchTag(frames, "TargetFailed", (error) => {
  expectTypeOf(error).toEqualTypeOf<TargetFailed>()
  return Effect.never
})
expectTypeOf<Effect.Error<typeof handled>>().toEqualTypeOf<Exclude<ConnectionError, TargetFailed>>()
// @ts-expect-error: no connection fails like this
void Effect.catchTag(frames, "NoSuchTag", () => Effect.never)
const sent = Effect.catchTags(connection.send({ buy: 1 }), {
  NotConnected: () => Effect.void,
  OutboxFull: () => Effect.void,
  SendExpired: () => Effect.void,
  EncodeError: () => Effect.void,
  InvalidOptions: () => Effect.void
})
expectTypeOf<Effect.Error<typeof sent>>().toEqualTypeOf<never>()

// ---- optional options can be forwarded as they are ------------------------------

const forward = (options: {
  readonly dialTimeout?: "1 second" | undefined
  readonly startup?: "lazy" | undefined
  readonly maxMessageSize?: number | undefined
}) => Connection.make("forward", { target, ...options })
expectTypeOf<Effect.Success<ReturnType<typeof forward>>>().toEqualTypeOf<Effect.Success<typeof frames>>()

// ---- mistakes, each at the property that holds it --------------------------------

void Connection.make("mistake", {
  // @ts-expect-error: a target is a url, a record of them, or an effect of one
  target: 7
})

// @ts-expect-error: a connection needs a target
void Connection.make("mistake", {})

void Connection.make("mistake", {
  target: {
    url: target,
    // @ts-expect-error: subprotocols are strings
    subprotocols: [7]
  }
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: a codec is no name
  codec: "json"
})

void Connection.make("mistake", {
  target,
  codec: Codec.text,
  // @ts-expect-error: a text connection sends no objects
  onOpen: (session) => session.send({ buy: 1 })
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: without a codec a session carries frames
  onOpen: (session: Session.Session<Trade, Order>) => session.send({ buy: 1 })
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: an opening program is an effect
  onOpen: () => "done"
})

void Connection.make("mistake", {
  target,
  codec: trades,
  // @ts-expect-error: a trade has no size
  inbox: { overflow: { shed: Inbox.conflate, key: ({ size }) => size } }
})

void Connection.make("mistake", {
  target,
  codec: trades,
  // @ts-expect-error: conflate needs a key
  inbox: { overflow: { shed: Inbox.conflate } }
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: no such policy
  inbox: { overflow: "explode" }
})

void Connection.make("mistake", {
  target,
  outbox: {
    // @ts-expect-error: no such thing to do while it is down
    whenDown: "wait"
  }
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: no such way to start
  startup: "eager"
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: no duration
  dialTimeout: "soon"
})

void Connection.make("mistake", {
  target,
  // @ts-expect-error: an option with this name does not exist
  timeout: "1 second"
})

class Wrong extends Connection.Service<Wrong>()("app/Wrong", {
  target,
  codec: Codec.text,
  // @ts-expect-error: a text connection sends no objects
  onOpen: (session) => session.send({ buy: 1 })
}) {}
Layer.fresh(Wrong.layer)

// @ts-expect-error: a typed connection takes no strings
void connection.send("buy")
// @ts-expect-error: any connection is readable, none is writable without its type
const lost: Connection.Connection<never, unknown> = connection
void lost
