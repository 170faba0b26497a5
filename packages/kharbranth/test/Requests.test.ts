/**
 * Proves that every call settles exactly once and for the right reason (reply,
 * refusal, timeout, lost session, too many, no session), that replays happen
 * only where allowed and at most so often, that late replies are ignored and
 * counted, that calls are pipelined, and that awaiting a reply inside the only
 * reader does not deadlock; then all of it at random against a simple model.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Requests from "kharbranth/Requests"
import * as RequestsSchema from "kharbranth/RequestsSchema"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "./support/topicServer.ts"

const url = "wss://rpc.example/"

interface Asked {
  readonly id: number
  readonly ask: unknown
}

interface Answer {
  readonly id?: number
  readonly ok?: unknown
  readonly no?: string
  readonly news?: string
}

/** A server that writes down what it is asked, and answers when told to. */
const rig = (overrides: Partial<Requests.Options<Answer, Asked, unknown, unknown, string>> = {}) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make()
    const asked: Array<Asked> = []
    const peers: Array<TestNetwork.Peer> = []
    yield* network.serve(url, (peer) => {
      peers.push(peer)
      return peer.listen({ frame: (frame) => void asked.push(JSON.parse(String(frame))) })
    })
    const connection = yield* network.provide(
      Connection.make("rpc", {
        target: url,
        codec: Codec.jsonAs<Answer, Asked>(),
        startup: "background",
        reconnect: Reconnect.prompt
      })
    )
    yield* settle
    const requests = yield* network.provide(
      Requests.make(connection, {
        encode: (ask: unknown, id) => ({ id, ask }),
        match: ({ id, no, ok }) =>
          id === undefined ? undefined : no === undefined ? { id, reply: ok } : { id, refusal: no },
        ...overrides
      })
    )
    const say = (answer: Answer) => peers.at(-1)!.sendUnsafe([JSON.stringify(answer)])
    return { network, connection, requests, asked, peers, say }
  })

const started = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.tap(Effect.forkScoped(effect, { startImmediately: true }), () => settle)

describe("Requests", () => {
  it.effect("matches replies by id, whatever their order, and passes everything else on", () =>
    Effect.gen(function* () {
      const { asked, connection, requests, say } = yield* rig()
      const first = yield* started(requests.call("a"))
      const second = yield* started(requests.call("b"))
      assert.deepStrictEqual(asked, [
        { id: 1, ask: "a" },
        { id: 2, ask: "b" }
      ])
      say({ id: 2, ok: "B" })
      say({ news: "hello" })
      say({ id: 1, ok: "A" })
      yield* settle
      assert.deepStrictEqual([yield* Fiber.join(first), yield* Fiber.join(second)], ["A", "B"])
      assert.deepStrictEqual(yield* connection.receive, { news: "hello" })
    })
  )

  it.effect("reports a refusal as the call's own error", () =>
    Effect.gen(function* () {
      const { requests, say } = yield* rig()
      const call = yield* started(Effect.flip(requests.call("a")))
      say({ id: 1, no: "out of stock" })
      yield* settle
      assert.strictEqual(yield* Fiber.join(call), "out of stock")
      assert.strictEqual((yield* requests.figures).refused, 1)
    })
  )

  it.effect("times out at the moment it promises, then ignores and counts the late reply", () =>
    Effect.gen(function* () {
      const { connection, requests, say } = yield* rig({ timeout: "2 seconds" })
      const call = yield* started(Effect.flip(requests.call("a")))
      yield* TestClock.adjust(1999)
      assert.isUndefined(call.pollUnsafe())
      yield* TestClock.adjust(1)
      const error = yield* Fiber.join(call)
      assert.isTrue(typeof error === "object" && error._tag === "RequestTimeout" && error.sent)
      say({ id: 1, ok: "late" })
      say({ id: 1, ok: "and twice" })
      say({ id: 7, ok: "not ours" })
      yield* settle
      const { late, pending, timedOut } = yield* requests.figures
      assert.deepStrictEqual([late, pending, timedOut], [2, 0, 1])
      assert.deepStrictEqual(yield* connection.receive, { id: 7, ok: "not ours" })
    })
  )

  it.effect("fails what a lost session carried, and holds what none has carried", () =>
    Effect.gen(function* () {
      const { asked, network, requests, say } = yield* rig()
      const carried = yield* started(Effect.flip(requests.call("carried")))
      yield* network.inject(Fault.reset())
      yield* settle
      const error = yield* Fiber.join(carried)
      assert.isTrue(typeof error === "object" && error._tag === "SessionLost" && error.epoch === 1)
      const held = yield* started(requests.call("held"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(
        asked.map(({ ask }) => ask),
        ["carried", "held"]
      )
      say({ id: 2, ok: 1 })
      yield* settle
      assert.strictEqual(yield* Fiber.join(held), 1)
      assert.strictEqual((yield* requests.figures).lost, 1)
    })
  )

  it.effect("replays an idempotent call with its id, at most as often as allowed", () =>
    Effect.gen(function* () {
      const { asked, network, requests, say } = yield* rig({ timeout: "1 minute" })
      const options = { onLoss: { replay: 2 } }
      const lucky = yield* started(requests.call("lucky", options))
      const luckless = yield* started(Effect.flip(requests.call("luckless", options)))
      for (let loss = 0; loss < 3; loss++) {
        yield* network.inject(Fault.reset())
        yield* TestClock.adjust("12 seconds")
        if (loss === 1) say({ id: 1, ok: "at last" })
        yield* settle
      }
      assert.strictEqual(yield* Fiber.join(lucky), "at last")
      const error = yield* Fiber.join(luckless)
      assert.isTrue(typeof error === "object" && error._tag === "SessionLost" && error.replays === 2)
      assert.deepStrictEqual(
        asked.map(({ id }) => id).toSorted((a, b) => a - b),
        [1, 1, 1, 2, 2, 2]
      )
      assert.strictEqual((yield* requests.figures).replayed, 4)
    })
  )

  it.effect("bounds what waits, and refuses at once where it may not wait", () =>
    Effect.gen(function* () {
      const { network, requests } = yield* rig({ maxPending: 2, whenDown: "fail" })
      yield* started(Effect.ignore(requests.call(1)))
      yield* started(Effect.ignore(requests.call(2)))
      const full = yield* Effect.flip(requests.call(3))
      assert.isTrue(typeof full === "object" && full._tag === "TooManyRequests" && full.pending === 2)
      yield* network.inject(Fault.refuse())
      yield* network.inject(Fault.reset())
      yield* settle
      const down = yield* Effect.flip(requests.call(4))
      assert.isTrue(typeof down === "object" && down._tag === "NotConnected")
    })
  )

  it.effect("withdraws an interrupted call, and settles what is left when its scope closes", () =>
    Effect.gen(function* () {
      const { connection, requests } = yield* rig()
      const call = yield* started(requests.call("a"))
      yield* Fiber.interrupt(call)
      assert.strictEqual((yield* requests.figures).pending, 0)
      const scope = yield* Scope.make()
      const own = yield* Requests.make(connection, {
        encode: (ask: string, id) => ({ id, ask }),
        match: () => undefined,
        firstId: 1000
      }).pipe(Scope.provide(scope))
      const left = yield* started(Effect.flip(own.call("b")))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(left))._tag, "NotConnected")
      assert.strictEqual((yield* Effect.flip(own.call("c")))._tag, "NotConnected")
    })
  )

  it.effect("does not deadlock when the only reader awaits a reply, and pipelines 1,000 calls", () =>
    Effect.gen(function* () {
      const { asked, connection, requests, say } = yield* rig()
      const reader = yield* Effect.forkScoped(
        connection.stream.pipe(
          Stream.mapEffect((news) => requests.call(news.news)),
          Stream.take(1),
          Stream.runCollect
        )
      )
      say({ news: "x" })
      yield* settle
      say({ id: 1, ok: "y" })
      yield* settle
      assert.deepStrictEqual(yield* Fiber.join(reader), ["y"])
      const many = yield* started(
        Effect.all(
          Array.from({ length: 1000 }, (_, n) => requests.call(n)),
          { concurrency: "unbounded" }
        )
      )
      assert.strictEqual(asked.length, 1001)
      for (const { ask, id } of asked.slice(1).toReversed()) say({ id, ok: ask })
      yield* settle
      assert.deepStrictEqual(
        yield* Fiber.join(many),
        Array.from({ length: 1000 }, (_, n) => n)
      )
    })
  )

  it.effect("turns a throwing `encode` and bad options into typed failures", () =>
    Effect.gen(function* () {
      const { connection, requests } = yield* rig({
        encode: () => {
          throw new Error("token=secret")
        }
      })
      const error = yield* Effect.flip(requests.call("a"))
      assert.isTrue(typeof error === "object" && error._tag === "EncodeError")
      assert.notInclude(JSON.stringify(error) + String(error), "secret")
      for (const bad of [{ timeout: "-1 second" }, { maxPending: 0 }, { onLoss: { replay: -1 } }, { firstId: 0.5 }]) {
        const invalid = yield* Effect.flip(
          Requests.make(connection, { encode: (ask, id) => ({ id, ask }), match: () => undefined, ...(bad as object) })
        )
        assert.strictEqual(invalid._tag, "InvalidOptions")
      }
    })
  )

  it.effect("checks both directions of a typed method", () =>
    Effect.gen(function* () {
      const { asked, requests, say } = yield* rig()
      const square = RequestsSchema.method(
        requests,
        { request: Schema.Struct({ size: Schema.BigInt }), reply: Schema.Finite },
        (params) => params
      )
      const good = yield* started(square({ size: 9n }))
      assert.deepStrictEqual(asked[0]!.ask, { size: "9" })
      say({ id: 1, ok: 4 })
      yield* settle
      assert.strictEqual(yield* Fiber.join(good), 4)
      const bad = yield* started(Effect.flip(square({ size: 9n })))
      say({ id: 2, ok: "four" })
      yield* settle
      const error = yield* Fiber.join(bad)
      assert.strictEqual(typeof error === "object" && error._tag, "ReplyMismatch")
      const wrong = yield* Effect.flip(square({ size: "never" } as never))
      assert.strictEqual(typeof wrong === "object" && wrong._tag, "EncodeError")
    })
  )

  const runs = Number(process.env["RUNS"] ?? 1000)
  const firstSeed = Number(process.env["SEED"] ?? 1)

  it.effect(
    `settles every call once and rightly, in ${runs} random histories`,
    () =>
      Effect.gen(function* () {
        const seen: Record<string, number> = {}
        for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
          const tags = yield* quiet(Effect.scoped(history(seed)))
          for (const tag of tags) seen[tag] = (seen[tag] ?? 0) + 1
        }
        const kinds = ["Replied", "Refused", "RequestTimeout", "SessionLost", "TooManyRequests", "Interrupted"]
        for (const kind of kinds) assert.isAbove(seen[kind] ?? 0, 0, `no history had ${kind}: ${JSON.stringify(seen)}`)
      }),
    120_000
  )
})

const randomOf = (seed: number) => {
  let state = Math.imul(seed, 2_654_435_761) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

/** A storm of losses is no news here. */
const quiet = Effect.provide(Logger.layer([]))

interface Told {
  readonly call: number
  readonly tag: string
  readonly took: number
  readonly value: unknown
}

/** One random history: calls, answers, resets and time; then the model's judgement. */
const history = (seed: number) =>
  Effect.gen(function* () {
    const random = randomOf(seed)
    const below = (n: number) => Math.floor(random() * n)
    const { asked, network, peers, requests } = yield* rig({ maxPending: 6 })
    const told: Array<Told> = []
    const answered = new Map<number, unknown>()
    const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
    const replays = new Map<number, number>()
    const now = () => network.clock.currentTimeMillisUnsafe()
    let calls = 0
    let resets = 0
    const call = (timeout: number, replay: number) => {
      const number = ++calls
      const from = now()
      replays.set(number, replay)
      const one = requests
        .call(number, { timeout, onLoss: { replay } })
        .pipe(
          Effect.onExit((exit) =>
            Effect.sync(() => told.push({ call: number, took: now() - from, ...outcomeOf(exit) }))
          )
        )
      return Effect.map(Effect.forkScoped(Effect.exit(one), { startImmediately: true }), (fiber) => fibers.push(fiber))
    }
    const answer = (refuse: boolean) => {
      const open = asked[below(asked.length)]
      if (open === undefined) return
      if (!answered.has(Number(open.ask))) answered.set(Number(open.ask), refuse ? "no" : "ok")
      const text = JSON.stringify(refuse ? { id: open.id, no: "no" } : { id: open.id, ok: "ok" })
      peers.at(-1)?.sendUnsafe([text])
    }
    for (let turn = 0; turn < 30; turn++) {
      const dice = random()
      if (dice < 0.35) yield* call(100 + below(5000), below(3))
      else if (dice < 0.6) answer(random() < 0.2)
      else if (dice < 0.7) {
        resets++
        yield* network.inject(Fault.reset())
      } else if (dice < 0.75 && fibers.length > 0) yield* Fiber.interrupt(fibers[below(fibers.length)]!)
      else yield* TestClock.adjust(below(1500))
      if (random() < 0.7) yield* settle
    }
    yield* TestClock.adjust("30 seconds")
    const problem = judge({ calls, resets, told, answered, asked, replays })
    assert.isUndefined(problem, `SEED=${seed} RUNS=1: ${problem}`)
    assert.strictEqual((yield* requests.figures).pending, 0)
    return told.map(({ tag }) => tag)
  })

const outcomeOf = (exit: Exit.Exit<unknown, unknown>): { readonly tag: string; readonly value: unknown } => {
  if (Exit.isSuccess(exit)) return { tag: "Replied", value: exit.value }
  const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
  if (error === undefined) return { tag: "Interrupted", value: undefined }
  if (typeof error === "string") return { tag: "Refused", value: error }
  return { tag: (error as { readonly _tag: string })._tag, value: error }
}

const judge = (run: {
  readonly calls: number
  readonly resets: number
  readonly told: ReadonlyArray<Told>
  readonly answered: ReadonlyMap<number, unknown>
  readonly asked: ReadonlyArray<Asked>
  readonly replays: ReadonlyMap<number, number>
}): string | undefined => {
  for (let call = 1; call <= run.calls; call++) {
    const outcomes = run.told.filter((told) => told.call === call)
    if (outcomes.length !== 1) return `call ${call} has ${outcomes.length} outcomes`
    const [{ tag, took, value }] = outcomes as [Told]
    const sendings = run.asked.filter(({ ask }) => ask === call).length
    if (sendings > 1 + (run.replays.get(call) ?? 0)) return `call ${call} was sent ${sendings} times`
    if ((tag === "Replied" || tag === "Refused") && !run.answered.has(call)) return `call ${call} was never answered`
    if (tag === "Replied" && value !== "ok") return `call ${call} got another's reply`
    if (tag === "TooManyRequests" && (took > 0 || sendings > 0)) return `call ${call} was refused late`
    if (tag === "SessionLost" && run.resets === 0) return `call ${call} was lost, and no session was`
    if (took > 5100) return `call ${call} took ${took} ms`
  }
  return undefined
}
