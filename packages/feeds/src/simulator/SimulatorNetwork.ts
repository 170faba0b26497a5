/**
 * Runs simulated venues in a `TestNetwork`, on the clock of the test: every host
 * of a venue is served under its real name, so an adapter needs no other address.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Simulator from "./Simulator.ts"

/**
 * A venue in a network.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatedVenue {
  readonly simulator: Simulator.Simulator
  /** Asks the venue over HTTP, as if by its real address. */
  readonly request: (method: string, url: string) => Effect.Effect<Simulator.Response>
}

/**
 * Options of a simulator, and how it keeps time in a network.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Simulator.Options {
  /**
   * The venue acts at most this often, in milliseconds: what is due in between
   * happens together, with the times that it would have had. A virtual day takes
   * less work so. Default: 0, everything at its own time.
   */
  readonly grain?: number | undefined
}

/** How long a dial may take from its answer to its socket. */
const patience = "4 seconds"

/** The frames for one connection that follow each other. */
const textsFrom = (outputs: ReadonlyArray<Simulator.Output>, from: number): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const { connection } = outputs[from] ?? {}
  for (let at = from; at < outputs.length; at++) {
    const output = outputs[at]
    if (output?._tag !== "Text" || output.connection !== connection) break
    texts.push(output.text)
  }
  return texts
}

/**
 * Serves a venue until the scope ends. Its time is the network's: it starts at the
 * clock's, and what is due happens as the clock is moved.
 *
 * @example
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as SimulatorNetwork from "@kharbranth/feeds/simulator/SimulatorNetwork"
 * import * as TestNetwork from "kharbranth/testing/TestNetwork"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const network = yield* TestNetwork.make()
 *   const venue = yield* SimulatorNetwork.serve(network, "binance-spot")
 *   const snapshot = yield* venue.request("GET", "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=5")
 *   strictEqual(snapshot.status, 200)
 * })
 *
 * await Effect.runPromise(Effect.scoped(program))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const serve = (
  network: TestNetwork.TestNetwork,
  venue: Simulator.VenueId,
  options: Options = {}
): Effect.Effect<SimulatedVenue, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const now = () => clock.currentTimeMillisUnsafe()
    const simulator = Simulator.make(venue, { start: now(), ...options })
    const peers = new Map<number, TestNetwork.Peer>()
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    let driver: Fiber.Fiber<void> | undefined
    /** When the driver wakes. */
    let armed = Infinity
    const { grain = 0 } = options

    const act = (peer: TestNetwork.Peer, output: Simulator.Output): void => {
      switch (output._tag) {
        case "Ping":
          fork(peer.ping(new TextEncoder().encode(output.payload)))
          return
        case "Close":
          fork(peer.close(output.code, output.reason))
          return
        case "Cut":
          fork(peer.reset)
          return
        case "Pause":
        case "Deafen":
          fork(peer.pause)
          return
        case "Resume":
          fork(peer.resume)
      }
    }

    /** When to act next. While nobody is there, the venue catches up when somebody comes. */
    const due = (): number => {
      const next = peers.size === 0 ? Infinity : (simulator.next ?? Infinity)
      return grain > 0 ? Math.ceil(next / grain) * grain : next
    }

    /** Dials that were accepted and whose sockets are not there yet, and what the venue did to them. */
    const accepted = new Map<number, number>()
    const early = new Map<number, Array<Simulator.Output>>()

    /** Carries out what the venue has done. */
    const deliver = (outputs: ReadonlyArray<Simulator.Output>): void => {
      for (let at = 0; at < outputs.length;) {
        const texts = textsFrom(outputs, at)
        const output = outputs[at]
        const count = Math.max(1, texts.length)
        const peer = output === undefined ? undefined : peers.get(output.connection)
        if (output !== undefined && peer === undefined)
          early.get(output.connection)?.push(...outputs.slice(at, at + count))
        else if (output !== undefined && peer !== undefined) {
          if (texts.length > 0) peer.sendUnsafe(texts)
          else act(peer, output)
        }
        at += count
      }
    }

    /** Catches up with the venue, and wakes the driver in time for what it does next. */
    const flush = (): void => {
      deliver(simulator.take())
      const next = due()
      if (next >= armed) return
      armed = next
      driver?.interruptUnsafe()
      driver = fork(Effect.tapDefect(drive, Effect.logError))
    }

    const drive = Effect.gen(function* () {
      while (armed < Infinity) {
        yield* Effect.sleep(Math.max(0, armed - now()))
        // Not to be armed again from within.
        armed = 0
        told((now) => simulator.tick(now))
        armed = due()
      }
    })

    const told = (tell: (now: number) => void): void => {
      tell(now())
      flush()
    }

    /** A dial that was given up after its answer leaves no socket. */
    const giveUp = (id: number, connection: number) =>
      Effect.andThen(
        Effect.sleep(patience),
        Effect.sync(() => {
          if (!accepted.delete(id)) return
          early.delete(connection)
          told((now) => simulator.left(connection, now))
        })
      )

    const answer = (request: TestNetwork.Request) =>
      Effect.sync(() => {
        const found = simulator.connect({ url: request.url }, now())
        if (found._tag === "Rejected")
          return TestNetwork.reject(found.status, {
            retryAfter: found.retryAfter === undefined ? undefined : found.retryAfter * 1000
          })
        accepted.set(request.id, found.connection)
        early.set(found.connection, [])
        fork(giveUp(request.id, found.connection))
        return TestNetwork.accept()
      })

    const script = (peer: TestNetwork.Peer) => {
      const connection = accepted.get(peer.request.id) ?? 0
      accepted.delete(peer.request.id)
      peers.set(connection, peer)
      deliver(early.get(connection) ?? [])
      early.delete(connection)
      flush()
      return peer.listen({
        frame: (frame) => {
          const text = typeof frame === "string" ? frame : new TextDecoder().decode(frame)
          told((now) => simulator.receive(connection, text, now))
        },
        ping: () => told((now) => simulator.pinged(connection, now)),
        pong: () => told((now) => simulator.ponged(connection, now)),
        ended: () => {
          peers.delete(connection)
          told((now) => simulator.left(connection, now))
        }
      })
    }

    for (const host of simulator.hosts) yield* network.serve(`wss://${host}/`, script, { answer })

    yield* Effect.addFinalizer(() => Effect.sync(() => driver?.interruptUnsafe()))

    return {
      simulator,
      request: (method, url) =>
        Effect.sync(() => {
          const response = simulator.request({ method, url }, now())
          flush()
          return response
        })
    }
  })
