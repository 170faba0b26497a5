/**
 * Proves how handlers of the server's calls behave: names, several under one
 * name, leaving, failing, and the one answer where the server waits for it.
 */
import * as Data from "effect/Data"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Hub from "../../src/Hub.ts"
import { accept, connect, eventually, gate, heard, json, rawHub, rs, socket } from "../support/hub.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

const call = (target: string, ...args: ReadonlyArray<unknown>) => json({ type: 1, target, arguments: args })
const ask = (invocationId: string, target: string, ...args: ReadonlyArray<unknown>) =>
  json({ type: 1, invocationId, target, arguments: args })

const start = Effect.gen(function* () {
  const server = yield* rawHub(accept)
  const hub = yield* connect({ url: server.url, ...socket })
  const [raw] = server.sockets
  const answers = () => heard(raw!).filter((message) => message["type"] === 3)
  return { hub, raw: raw!, answers, on: hub.untyped.on }
})

/** Registers handlers in a scope of their own. */
const temporarily = <R>(registration: Effect.Effect<void, never, Scope.Scope | R>) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.provide(registration, scope)
    return Scope.close(scope, Exit.void)
  })

describe("handlers", () => {
  it.live(
    "E45 E46 E47 E49: unknown names are only logged; closing a handler's scope takes it off, twice is harmless",
    () =>
      Effect.gen(function* () {
        const { on, raw } = yield* start
        const seen: Array<string> = []
        const note = (name: string) => () => Effect.sync(() => seen.push(name))
        const off = yield* temporarily(Effect.andThen(on("news", note("a")), on("news", note("b"))))
        yield* on("other", note("other"))
        raw.send(call("nobody") + call("news") + call("other"))
        yield* eventually(() => seen.length === 3)
        yield* off
        yield* off
        raw.send(call("news") + call("other"))
        yield* eventually(() => seen.length === 4)
        assert.deepStrictEqual(seen, ["a", "b", "other", "other"])
      })
  )

  it.live("E48 E50 E51: one of several may leave; the same function runs once; all others run, in order", () =>
    Effect.gen(function* () {
      const { on, raw } = yield* start
      const seen: Array<string> = []
      const note = (name: string) => (args: ReadonlyArray<unknown>) =>
        Effect.sync(() => seen.push(`${name}${args.join()}`))
      const twice = note("twice")
      yield* on("news", twice)
      const off = yield* temporarily(on("news", note("leaving")))
      yield* on("news", twice)
      yield* on("news", note("last"))
      raw.send(call("news", 1))
      yield* eventually(() => seen.length === 3)
      yield* off
      raw.send(call("news", 2))
      yield* eventually(() => seen.length === 5)
      assert.deepStrictEqual(seen, ["twice1", "leaving1", "last1", "twice2", "last2"])
    })
  )

  it.live("E52: leaving from inside a handler does not disturb the round", () =>
    Effect.gen(function* () {
      const { on, raw } = yield* start
      const seen: Array<string> = []
      const scope = yield* Scope.make()
      yield* Scope.provide(
        on("news", () =>
          Effect.andThen(
            Effect.sync(() => seen.push("first")),
            Scope.close(scope, Exit.void)
          )
        ),
        scope
      )
      yield* on("news", () => Effect.sync(() => seen.push("second")))
      raw.send(call("news") + call("news"))
      yield* eventually(() => seen.filter((name) => name === "second").length === 2)
      assert.include(seen, "first")
    })
  )

  it.live("E53 E54: names are found whatever their letters' case", () =>
    Effect.gen(function* () {
      const { on, raw } = yield* start
      const seen: Array<unknown> = []
      yield* on("NewMessage", (args) => Effect.sync(() => seen.push(args[0])))
      raw.send(call("newmessage", 1) + call("NEWMESSAGE", 2))
      yield* eventually(() => seen.length === 2)
      assert.deepStrictEqual(seen, [1, 2])
    })
  )

  it.live("handlers see the services around their registration, and a failing one harms nobody", () =>
    Effect.gen(function* () {
      class Greeting extends Context.Service<Greeting, string>()("test/Greeting") {}
      const { on, raw } = yield* start
      const seen: Array<string> = []
      yield* on("news", () => Effect.die("boom"))
      yield* on("news", () => Effect.map(Greeting, (text) => void seen.push(text))).pipe(
        Effect.provideService(Greeting, "hello")
      )
      raw.send(call("news"))
      yield* eventually(() => seen.length === 1)
      raw.send(call("news"))
      yield* eventually(() => seen.length === 2)
    })
  )

  it.live("a handler that calls the hub does not block what it waits for", () =>
    Effect.gen(function* () {
      const server = yield* rawHub((raw, frame) => {
        accept(raw, frame)
        if (frame.includes("Ask"))
          raw.send(json({ type: 3, invocationId: JSON.parse(frame.split(rs)[0]!).invocationId, result: "reply" }))
      })
      const hub = yield* connect({ url: server.url, ...socket })
      const reply = gate<unknown>()
      yield* hub.untyped.on("news", () =>
        Effect.flatMap(hub.untyped.invoke("Ask"), (value) => Deferred.succeed(reply, value))
      )
      server.sockets[0]!.send(call("news"))
      assert.strictEqual(yield* Deferred.await(reply), "reply")
    })
  )
})

describe("client results", () => {
  const cases: ReadonlyArray<{
    readonly title: string
    readonly handlers: ReadonlyArray<() => Effect.Effect<unknown, unknown>>
    readonly answer: object
  }> = [
    { title: "F55: a value is the result", handlers: [() => Effect.succeed(10)], answer: { result: 10 } },
    { title: "F56: null is a result", handlers: [() => Effect.succeed(null)], answer: { result: null } },
    {
      title: "F57: a value that takes time is awaited",
      handlers: [() => Effect.delay(Effect.succeed("later"), 5)],
      answer: { result: "later" }
    },
    {
      title: "F58: a failure is told with its text",
      handlers: [() => Effect.fail(new Broken({ message: "from callback" }))],
      answer: { error: "from callback" }
    },
    {
      title: "F59: two results are an error",
      handlers: [() => Effect.succeed(1), () => Effect.succeed(2)],
      answer: { error: "Client provided multiple results." }
    },
    {
      title: "F60: a result, then a failure: the failure",
      handlers: [() => Effect.succeed(1), () => Effect.fail(new Broken({ message: "no" }))],
      answer: { error: "no" }
    },
    {
      title: "F61: a failure, then a result: the result",
      handlers: [() => Effect.fail(new Broken({ message: "no" })), () => Effect.succeed(2)],
      answer: { result: 2 }
    },
    {
      title: "F62: nothing returned",
      handlers: [() => Effect.void],
      answer: { error: "Client didn't provide a result." }
    },
    { title: "F63: no handler", handlers: [], answer: { error: "Client didn't provide a result." } }
  ]
  for (const { answer, handlers, title } of cases) {
    it.live(title, () =>
      Effect.gen(function* () {
        const { answers, on, raw } = yield* start
        for (const handler of handlers) yield* on("Question", handler)
        raw.send(ask("s1", "question"))
        yield* eventually(() => answers().length === 1)
        assert.deepStrictEqual(answers(), [{ type: 3, invocationId: "s1", ...answer }])
      })
    )
  }

  it.live("F64: a result nobody asked for is not sent", () =>
    Effect.gen(function* () {
      const { answers, on, raw } = yield* start
      yield* on("Question", () => Effect.succeed(1))
      raw.send(call("Question") + ask("s2", "Question"))
      yield* eventually(() => answers().length === 1)
      assert.deepStrictEqual(answers(), [{ type: 3, invocationId: "s2", result: 1 }])
    })
  )

  it.live("F65: a connection lost while a handler runs costs its answer and nothing else", () =>
    Effect.gen(function* () {
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket })
      const running = gate()
      const goOn = gate()
      let answered = 0
      yield* hub.untyped.on("Question", () =>
        Effect.gen(function* () {
          yield* Deferred.succeed(running, undefined)
          yield* Deferred.await(goOn)
          answered++
          return 1
        })
      )
      server.sockets[0]!.send(ask("s1", "Question"))
      yield* Deferred.await(running)
      server.sockets[0]!.cut()
      yield* eventually(() => server.sockets.length === 2)
      yield* hub.awaitReady
      yield* Deferred.succeed(goOn, undefined)
      server.sockets[1]!.send(ask("s2", "Question"))
      yield* eventually(() => heard(server.sockets[1]!).length === 1)
      assert.strictEqual(answered, 2)
      assert.deepStrictEqual(heard(server.sockets[1]!), [{ type: 3, invocationId: "s2", result: 1 }])
    })
  )

  it.live("a contract decodes what the server calls with and encodes the answer", () =>
    Effect.gen(function* () {
      const contract = Hub.make({
        events: { Later: Hub.event({ args: [Schema.DateFromString], result: Schema.DateFromString }) }
      })
      const server = yield* rawHub(accept)
      const hub = yield* connect({ url: server.url, ...socket, contract })
      yield* hub.on("Later", ([date]) => Effect.succeed(new Date(date.getTime() + 1000)))
      server.sockets[0]!.send(ask("s1", "later", "2020-01-01T00:00:00.000Z") + ask("s2", "later", 5))
      yield* eventually(() => heard(server.sockets[0]!).length === 2)
      const byId = new Map(heard(server.sockets[0]!).map((message) => [message["invocationId"], message]))
      assert.strictEqual(byId.get("s1")?.["result"], "2020-01-01T00:00:01.000Z")
      assert.include(String(byId.get("s2")?.["error"]), "does not fit")
    })
  )
})
