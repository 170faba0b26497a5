/** The hub of `test/aspnet`, once more, on the test server: what both must answer alike. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Hub from "../../src/Hub.ts"
import type { MethodHandler, StreamHandler } from "../../src/testing/HubServer.ts"
import { BadArguments, HubException } from "../../src/testing/HubServer.ts"
import * as TypedHub from "../../src/testing/TypedHub.ts"

const Numbers = Hub.upload(Schema.Int)
const Entity = Schema.Struct({ text: Schema.String, number: Schema.Int })

/** The part of the hub that a contract describes. */
export const contract = Hub.make({
  methods: {
    Echo: Hub.method({ args: [Schema.String], result: Schema.String, idempotent: true }),
    Add: Hub.method({ args: [Schema.Int, Schema.Int], result: Schema.Int, idempotent: true }),
    Nothing: Hub.method(),
    NothingAsync: Hub.method(),
    SingleEntity: Hub.method({ result: Entity }),
    Sum: Hub.method({ args: [Numbers], result: Schema.Int }),
    SumTwo: Hub.method({ args: [Numbers, Numbers, Schema.Int], result: Schema.Int }),
    First: Hub.method({ args: [Numbers], result: Schema.Int }),
    SumFailing: Hub.method({ args: [Numbers], result: Schema.String })
  },
  streams: {
    Range: Hub.stream({ args: [Schema.Int, Schema.Int, Schema.Int], item: Schema.Int }),
    RangeThenThrow: Hub.stream({ args: [Schema.Int], item: Schema.Int }),
    Doubled: Hub.stream({ args: [Numbers], item: Schema.Int })
  }
})

const sum = (numbers: Stream.Stream<number, unknown>) =>
  Stream.runFold(
    numbers,
    () => 0,
    (total, n) => total + n
  )
const count = (from: number, length: number) => (length === 0 ? Stream.empty : Stream.range(from, from + length - 1))

const typed = TypedHub.implement(contract, {
  methods: {
    Echo: ([text]) => Effect.succeed(text),
    Add: ([a, b]) => Effect.succeed(a + b),
    Nothing: () => Effect.void,
    NothingAsync: () => Effect.void,
    SingleEntity: () => Effect.succeed({ text: "test", number: 1 }),
    Sum: ([numbers]) => sum(numbers),
    SumTwo: ([left, right, factor]) =>
      Effect.map(Effect.all([sum(left), sum(right)]), ([first, second]) => first + second * factor),
    First: ([numbers]) => Effect.flatMap(Stream.runHead(numbers), Effect.fromOption),
    SumFailing: ([numbers]) =>
      Effect.match(sum(numbers), { onFailure: (error) => (error as Error).message, onSuccess: () => "completed" })
  },
  streams: {
    Range: ([from, length, delay]) =>
      Stream.mapEffect(count(from, length), (n) =>
        delay === 0 ? Effect.succeed(n) : Effect.delay(Effect.succeed(n), delay)
      ),
    RangeThenThrow: ([length]) => Stream.concat(count(0, length), Stream.fail(new HubException("stream failed"))),
    Doubled: ([numbers]) => Stream.map(numbers, (n) => n * 2)
  }
})

type Entities = ReadonlyArray<Record<string, unknown>>

const lower = (entity: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(entity).map(([key, value]) => [key.toLowerCase(), value])) as {
    text: string
    number: number
  }

export const methods: Readonly<Record<string, MethodHandler>> = {
  ...typed.methods,
  Null: () => Effect.succeed(null),
  EchoAny: ({ args }) => (args.length === 1 ? Effect.succeed(args[0]) : Effect.fail(new BadArguments())),
  Throws: () => Effect.die(new Error("secret detail")),
  ThrowsHub: () => Effect.fail(new HubException("told you")),
  PushTwoEntities: ({ args }) => {
    const [first, second] = (args as Entities).map(lower)
    return Effect.succeed({ text: first!.text + second!.text, number: first!.number + second!.number })
  },
  Call: ({ args: [target, text], send }) => send(String(target), text),
  Ask: ({ args: [target, text], ask }) =>
    Effect.catch(ask(String(target), text), (error) => Effect.succeed(`error: ${error.message}`)),
  TriggerEntityCallback: ({ send }) => send("callback2", { text: "callback", number: 200 }),
  Abort: ({ abort }) => abort
}

export const streams: Readonly<Record<string, StreamHandler>> = typed.streams
