/** What a contract makes of a hub connection's types, and what it refuses. */
import * as Hub from "@kharbranth/signalr/Hub"
import * as HubConnection from "@kharbranth/signalr/HubConnection"
import * as HubCredentials from "@kharbranth/signalr/HubCredentials"
import type { CallError, HubConnectionError, StreamError } from "@kharbranth/signalr/HubError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Transport } from "kharbranth/Transport"
import { expectTypeOf } from "vitest"

const contract = Hub.make({
  methods: {
    Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int }),
    Nothing: Hub.method(),
    Sum: Hub.method({ args: [Hub.upload(Schema.Int)], result: Schema.Int })
  },
  streams: { Range: Hub.stream({ args: [Schema.Int], item: Schema.Date }) },
  events: { news: Hub.event({ args: [Schema.String] }), ask: Hub.event({ args: [Schema.Int], result: Schema.Boolean }) }
})

declare const hub: HubConnection.HubConnection<typeof contract>
declare const bare: HubConnection.HubConnection

expectTypeOf(hub.invoke("Add", [1, 2])).toEqualTypeOf<Effect.Effect<number, CallError>>()
expectTypeOf(hub.invoke("Nothing")).toEqualTypeOf<Effect.Effect<void, CallError>>()
expectTypeOf(hub.invoke("Sum", [Stream.make(1)])).toEqualTypeOf<Effect.Effect<number, CallError>>()
expectTypeOf(hub.stream("Range", [1])).toEqualTypeOf<Stream.Stream<Date, StreamError>>()
expectTypeOf(bare.untyped.invoke("Any", [1])).toEqualTypeOf<Effect.Effect<unknown, CallError>>()

// @ts-expect-error the contract has no such method
void hub.invoke("Subtract", [1, 2])
// @ts-expect-error the arguments are numbers
void hub.invoke("Add", ["1", 2])
// @ts-expect-error both arguments are needed
void hub.invoke("Add", [1])
// @ts-expect-error a method with arguments is not called without
void hub.invoke("Add")
// @ts-expect-error a stream is not invoked
void hub.invoke("Range", [1])
// @ts-expect-error an upload is a stream
void hub.invoke("Sum", [1])
// @ts-expect-error a stream is never replayed by itself
void hub.stream("Range", [1], { pending: "replay" })
// @ts-expect-error without a contract, names go through `untyped`
void bare.invoke("Add", [1, 2])

void hub.on("news", ([text]) => Effect.sync(() => expectTypeOf(text).toEqualTypeOf<string>()))
void hub.on("ask", ([n]) => Effect.succeed(n > 1))
// @ts-expect-error the answer is a boolean
void hub.on("ask", () => Effect.succeed("yes"))

class Vault extends Context.Service<Vault, { readonly token: Effect.Effect<string> }>()("test/Vault") {}
class Audit extends Context.Service<Audit, { readonly log: Effect.Effect<void> }>()("test/Audit") {}

// What handlers, tokens and `onReady` need flows into the types.
expectTypeOf(hub.on("news", () => Effect.flatMap(Audit, ({ log }) => log))).toEqualTypeOf<
  Effect.Effect<void, never, Scope.Scope | Audit>
>()

const made = HubConnection.make("hub", {
  url: "https://hub.example/",
  contract,
  credentials: HubCredentials.make({ token: Effect.flatMap(Vault, ({ token }) => token) }),
  onReady: (session) =>
    Effect.andThen(
      session.invoke("Nothing"),
      Effect.flatMap(Audit, ({ log }) => log)
    )
})
expectTypeOf(made).toEqualTypeOf<
  Effect.Effect<
    HubConnection.HubConnection<typeof contract>,
    HubConnectionError,
    Transport | HttpClient.HttpClient | Scope.Scope | Vault | Audit
  >
>()

class Chat extends HubConnection.Service<Chat>()("test/Chat", { url: "https://hub.example/", contract }) {}
expectTypeOf(Chat.layer).toEqualTypeOf<Layer.Layer<Chat, HubConnectionError, Transport | HttpClient.HttpClient>>()
expectTypeOf(Effect.flatMap(Chat, (chat) => chat.invoke("Add", [1, 2]))).toEqualTypeOf<
  Effect.Effect<number, CallError, Chat>
>()
