/**
 * Proves that the in-memory transport keeps every promise of the conformance
 * suite, as Node's and as a browser's kind of platform, with and without
 * latency; and that the suite bites: each of these broken transports is caught
 * by the case that names its fault.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as TransportConformance from "kharbranth/testing/TransportConformance"
import * as Transport from "kharbranth/Transport"
import type { Service } from "./broken.ts"
import { broken } from "./broken.ts"
import * as NetworkRig from "./rig.ts"

const all = { ping: true, pause: true, headers: true, bytes: true, status: true }
const none = { ping: false, pause: false, headers: false, bytes: false, status: false }

type Change = (transport: Service) => Service

const onNetwork = (
  run: TransportConformance.Case["run"],
  options: TestNetwork.Options,
  change: Change = (same) => same
) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make(options)
    yield* Effect.scoped(run).pipe(
      Effect.provideService(Transport.Transport, change(network.transport)),
      Effect.provideService(TransportConformance.Rig, NetworkRig.make(network))
    )
    assert.strictEqual(yield* network.open, 0, "sockets left open")
    assert.strictEqual(yield* network.dialing, 0, "dials left under way")
  })

describe("TransportConformance", () => {
  describe("in memory, like Node", () => {
    for (const { name, run } of TransportConformance.casesFor(all)) {
      it.effect(name, () => onNetwork(run, {}), 10_000)
    }
  })

  describe("in memory, like a browser", () => {
    for (const { name, run } of TransportConformance.casesFor(none)) {
      it.effect(name, () => onNetwork(run, { platform: "browser" }), 10_000)
    }
  })

  describe("in memory, with latency, jitter and loss", () => {
    for (const { name, run } of TransportConformance.casesFor(all)) {
      it.effect(
        name,
        () =>
          Effect.gen(function* () {
            const options = { latency: 20, jitter: 30, loss: 0.1, window: 70_000 }
            const fiber = yield* Effect.forkChild(onNetwork(run, options))
            while (fiber.pollUnsafe() === undefined) yield* TestClock.adjust("1 second")
            yield* Fiber.join(fiber)
          }),
        10_000
      )
    }
  })

  describe("catches a transport that", () => {
    // A broken transport makes a case fail or hang; a sound one is done by then.
    const outcome = (name: string, change?: Change) =>
      Effect.gen(function* () {
        const found = TransportConformance.cases.find((one) => one.name === name)
        assert.isDefined(found, `no case is named "${name}"`)
        // Detached: what cannot be interrupted must not hold up this test.
        const fiber = yield* Effect.forkDetach(Effect.exit(onNetwork(found.run, { latency: 1 }, change)))
        for (let turn = 0; turn < 60 && fiber.pollUnsafe() === undefined; turn++) yield* TestClock.adjust("1 second")
        const exit = fiber.pollUnsafe()
        if (exit === undefined) return "hung"
        return Exit.isSuccess(yield* Fiber.join(fiber)) ? "passed" : "failed"
      })

    for (const { caughtBy, change, fault } of broken) {
      it.effect(
        `${fault}: ${caughtBy}`,
        () =>
          Effect.gen(function* () {
            assert.strictEqual(yield* outcome(caughtBy), "passed")
            assert.notStrictEqual(yield* outcome(caughtBy, change), "passed")
          }),
        10_000
      )
    }
  })
})
