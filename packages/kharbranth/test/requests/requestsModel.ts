/**
 * A server that answers when told to, and random histories of calls with the
 * model that judges them; what they prove is said in Requests.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Reconnect from "kharbranth/Reconnect"
import * as Requests from "kharbranth/Requests"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { settle } from "../support/passing.ts"
import { eachSeed, runsOf } from "../support/histories.ts"
import { randomOf } from "../support/random.ts"

const url = "wss://rpc.example/"

export interface Asked {
  readonly id: number
  readonly ask: unknown
}

export interface Answer {
  readonly id?: number
  readonly ok?: unknown
  readonly no?: string
  readonly news?: string
}

/** A server that writes down what it is asked, and answers when told to. */
export const rig = (overrides: Partial<Requests.Options<Answer, Asked, unknown, unknown, string>> = {}) =>
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

/** Registers so many random histories; `RUNS` overrides how many. */
export const histories = (many: number, runs = runsOf(many)) =>
  describe("Requests at random", () => {
    it.effect(
      `settles every call once and rightly, in ${runs} random histories`,
      () =>
        Effect.gen(function* () {
          const seen: Record<string, number> = {}
          for (const tag of (yield* eachSeed(runs, history)).flat()) seen[tag] = (seen[tag] ?? 0) + 1
          const kinds = ["Replied", "Refused", "RequestTimeout", "SessionLost", "TooManyRequests", "Interrupted"]
          for (const kind of kinds)
            assert.isAbove(seen[kind] ?? 0, 0, `no history had ${kind}: ${JSON.stringify(seen)}`)
        }),
      600_000
    )
  })
