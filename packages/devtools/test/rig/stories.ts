/**
 * Recordings for the page's tests and pictures. They are real: connections live
 * through faults on a network of their own, in virtual time, and the recorder
 * tells of them.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Recorder from "kharbranth/Recorder"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Transport } from "kharbranth/Transport"
import { run, url } from "../../../kharbranth/test/support/virtual.ts"

type Story = (
  network: TestNetwork.TestNetwork
) => Effect.Effect<unknown, unknown, Scope.Scope | Recorder.Recorder | Transport>

const told = (name: string, story: Story): Promise<Recorder.Recording> =>
  run(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10 })
      return yield* Effect.gen(function* () {
        yield* story(network)
        const recorder = yield* Recorder.Recorder
        return Option.getOrThrow(yield* recorder.of(name))
      }).pipe(Effect.provide(Recorder.layer()), network.provide)
    })
  )

const make = (name: string, options: object = {}) =>
  Connection.make(name, { target: url, codec: Codec.text, startup: "background", ...options })

const heartbeat = Heartbeat.ping({ every: "10 seconds", timeout: "10 seconds" })

/** Several sessions end in different ways; the last one in silence. */
const silent: Story = (network) =>
  Effect.gen(function* () {
    yield* network.serve(url)
    const connection = yield* make("silent", { heartbeat })
    yield* connection.awaitReady
    yield* Effect.sleep("9 minutes")
    yield* network.inject(Fault.reset())
    yield* Effect.sleep("14 minutes")
    yield* network.inject(Fault.close({ code: 1001 }))
    yield* Effect.sleep("6 minutes")
    yield* connection.rotate({ reason: "before the token expires" })
    yield* Effect.sleep("21 minutes")
    for (const order of ["a", "b", "c"])
      yield* Effect.forkScoped(Connection.track(connection, order, { ttl: "1 minute" }))
    yield* network.inject(Fault.partition())
    yield* Effect.sleep("45 seconds")
  })

const refused: Story = (network) =>
  Effect.gen(function* () {
    yield* network.serve(url)
    yield* network.inject(Fault.reject({ status: 401 }))
    yield* make("refused")
    yield* Effect.sleep("30 seconds")
  })

const broken: Story = (network) =>
  Effect.gen(function* () {
    yield* network.serve(url)
    yield* network.inject(Fault.refuse())
    const manager = yield* ConnectionManager.make({
      budget: { policy: { breaker: { cooldown: "8 seconds", failures: 5 } } }
    })
    for (let n = 0; n < 49; n++) yield* manager.connect(`c${n}`, { target: url, startup: "background" })
    yield* manager.connect("broken", { target: url, startup: "background" })
    yield* Effect.sleep(6500)
  })

/** Well, after two restarts of its server. */
const well: Story = (network) =>
  Effect.gen(function* () {
    yield* network.serve(url)
    const connection = yield* make("well", { heartbeat })
    for (const minutes of [12, 47, 31]) {
      yield* connection.awaitReady
      yield* Effect.sleep(minutes * 60_000)
      if (minutes !== 31) yield* network.inject(Fault.close({ code: 1012 }))
    }
  })

export type Stories = Readonly<Record<"silent" | "refused" | "broken" | "well", Recorder.Recording>>

export const tellStories = async (): Promise<Stories> => ({
  silent: await told("silent", silent),
  refused: await told("refused", refused),
  broken: await told("broken", broken),
  well: await told("well", well)
})

/** The same story, of a connection with another name. */
export const renamed = (recording: Recorder.Recording, name: string, host: string): Recorder.Recording => ({
  ...recording,
  // It has just been taken.
  startedAt: new Date(Date.now() - recording.takenAt).toISOString(),
  connection: { ...recording.connection, name, hosts: [host] }
})
