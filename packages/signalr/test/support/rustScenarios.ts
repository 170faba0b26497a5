/** The scenarios of an older Rust client, for any server that has their methods. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Hub from "../../src/Hub.ts"
import type * as HubConnection from "../../src/HubConnection.ts"
import type { MethodHandler, StreamHandler } from "../../src/testing/HubServer.ts"
import { eventually } from "./hub.ts"

const Entity = Schema.Struct({ text: Schema.String, number: Schema.Int })

const entity = (text: string, number: number) => ({ text, number })

export const contract = Hub.make({
  methods: {
    SingleEntity: Hub.method({ result: Entity }),
    PushEntity: Hub.method({ args: [Entity], result: Schema.Boolean }),
    PushTwoEntities: Hub.method({ args: [Entity, Entity], result: Entity }),
    TriggerCallback: Hub.method(),
    TriggerEntityCallback: Hub.method(),
    TriggerEntityResponse: Hub.method({ result: Schema.Boolean })
  },
  streams: { HundredEntities: Hub.stream({ item: Entity }), MillionEntities: Hub.stream({ item: Entity }) },
  events: {
    callback1: Hub.event(),
    callback2: Hub.event({ args: [Entity] }),
    callback3: Hub.event({ args: [Entity], result: Entity })
  }
})

type Rust = HubConnection.HubConnection<typeof contract>

export const entities = Effect.fnUntraced(function* (hub: Rust) {
  assert.deepStrictEqual(yield* hub.invoke("SingleEntity"), entity("test", 1))
  const hundred = yield* Stream.runCollect(hub.stream("HundredEntities"))
  assert.deepStrictEqual(
    hundred,
    Array.from({ length: 100 }, (_, i) => entity(`entity${i}`, i))
  )
  let next = 0
  yield* Stream.runForEach(hub.stream("MillionEntities"), (value) =>
    Effect.sync(() => {
      assert.deepStrictEqual(value, entity(`entity${next}`, next))
      next++
    })
  )
  assert.strictEqual(next, 100_000)
  assert.isTrue(yield* hub.invoke("PushEntity", [entity("push1", 100)]))
  assert.deepStrictEqual(yield* hub.invoke("PushTwoEntities", [entity("a", 1), entity("b", 2)]), entity("ab", 3))
})

export const callbacks = Effect.fnUntraced(function* (hub: Rust) {
  const seen: Array<unknown> = []
  const scope = yield* Scope.make()
  yield* Scope.provide(
    hub.on("callback1", () => Effect.sync(() => void seen.push("callback1"))),
    scope
  )
  yield* hub.on("callback2", ([value]) => Effect.sync(() => void seen.push(value)))
  yield* hub.on("callback3", ([value]) => Effect.succeed(entity("answer", value.number + 1)))
  yield* hub.invoke("TriggerCallback")
  yield* hub.invoke("TriggerEntityCallback")
  yield* eventually(() => seen.length === 2)
  assert.deepStrictEqual(seen, ["callback1", entity("callback", 200)])
  assert.isTrue(yield* hub.invoke("TriggerEntityResponse"))
  yield* Scope.close(scope, Exit.void)
  yield* hub.invoke("TriggerCallback")
  yield* hub.invoke("TriggerEntityCallback")
  yield* eventually(() => seen.length === 3)
  assert.deepStrictEqual(seen[2], entity("callback", 200))
  yield* hub.close
  assert.strictEqual(hub.state.getUnsafe()._tag, "Disconnected")
  assert.strictEqual((yield* Effect.flip(hub.invoke("SingleEntity")))._tag, "InvocationCancelled")
})

type Entity = typeof Entity.Type

/** The same methods for the test hub server. */
export const methods: Readonly<Record<string, MethodHandler>> = {
  SingleEntity: () => Effect.succeed(entity("test", 1)),
  PushEntity: ({ args }) => Effect.succeed((args as ReadonlyArray<Entity>)[0]?.text === "push1"),
  PushTwoEntities: ({ args }) => {
    const [a, b] = args as readonly [Entity, Entity]
    return Effect.succeed(entity(a.text + b.text, a.number + b.number))
  },
  TriggerCallback: ({ send }) => send("callback1"),
  TriggerEntityCallback: ({ send }) => send("callback2", entity("callback", 200)),
  TriggerEntityResponse: ({ ask }) =>
    Effect.map(ask("callback3", entity("response", 300)), (answer) => (answer as Entity).number === 301)
}

const count = (length: number) => Stream.map(Stream.range(0, length - 1), (i) => entity(`entity${i}`, i))

export const streams: Readonly<Record<string, StreamHandler>> = {
  HundredEntities: () => count(100),
  MillionEntities: () => count(100_000)
}
