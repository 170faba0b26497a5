/**
 * The network itself: routes dials of its processes to hosts, keeps the faults
 * that are active, and knows which sockets and dials are open.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as ConnectionError from "../../ConnectionError.ts"
import * as Heartbeat from "../../Heartbeat.ts"
import * as Transport from "../../Transport.ts"
import type { Event, Options, ProcessOptions, TestNetwork, TestProcess } from "../TestNetwork.ts"
import { refuse, reject, silent } from "../TestServer.ts"
import type { Request, Script, ServeOptions } from "../TestServer.ts"
import { millis } from "./faultParts.ts"
import * as Address from "./address.ts"
import * as Agenda from "./agenda.ts"
import * as Attempt from "./attempt.ts"
import * as Host from "./host.ts"
import type { Path } from "./pipe.ts"
import * as Pipe from "./pipe.ts"
import { Process } from "./process.ts"
import * as Seeded from "./seeded.ts"
import { Socket } from "./socket.ts"
import * as Weather from "./weather.ts"

const platforms: Record<"node" | "browser", Transport.Capabilities> = {
  node: {
    ping: Heartbeat.ping(),
    pause: Transport.backpressure,
    headers: Transport.httpHeaders,
    bytes: true,
    compression: true
  },
  browser: { ping: false, pause: false, headers: false, bytes: false, concurrentDials: false }
}

const pathOf = (options: Options): Path => ({
  latency: millis(options.latency ?? 0),
  jitter: millis(options.jitter ?? 0),
  loss: options.loss ?? 0,
  bandwidth: options.bandwidth === undefined ? Infinity : options.bandwidth / 1000
})

// An event without its time; `Omit` alone would not keep the union.
type Happening = Event extends infer E ? (E extends Event ? Omit<E, "at"> : never) : never

export const make = (options: Options = {}): Effect.Effect<TestNetwork, never, Scope.Scope> =>
  Effect.gen(function* () {
    const services = yield* Effect.context<never>()
    const outer = yield* Clock.clockWith(Effect.succeed)
    const fibers = new Set<Fiber.Fiber<unknown, unknown>>()
    yield* Effect.addFinalizer(() => Fiber.interruptAll([...fibers]))
    const agenda = yield* Agenda.make(outer, services)

    const seed = options.seed ?? 1
    const random = Seeded.make(seed)
    const chance = yield* Random.withSeed(Effect.service(Random.Random), seed)
    const path = pathOf(options)
    const platform = options.platform ?? "node"
    const capabilities = { ...platforms[platform], ...options.capabilities }
    const processes = new Map<string, Process>()
    const servers = new Map<string, Host.Servers>()
    const sockets = new Set<Socket>()
    const attempts = new Set<Attempt.Attempt>()
    const history: Array<Event> = []
    let numbers = 0

    const note = (event: Happening) => {
      history.push({ ...event, at: agenda.now() })
    }
    const weather = Weather.make({ outer, path, processes, note: (_tag, fault) => note({ _tag, fault }) })

    const fork: Host.Fork = (context, effect, onExit) => {
      const fiber = Effect.runForkWith(context)(effect)
      fibers.add(fiber)
      fiber.addObserver((exit) => {
        fibers.delete(fiber)
        onExit(exit)
      })
      return fiber
    }

    const serversOf = (host: string): Host.Servers => {
      const known = servers.get(host) ?? new Map<string, Host.Listening>()
      servers.set(host, known)
      return known
    }

    const hostOf = (process: Process, name: string): Host.Host => {
      const known = process.hosts.get(name)
      if (known !== undefined) return known
      const host = Host.make(name, process.name, weather.conditionsFor(process.name, name), serversOf(name))
      process.hosts.set(name, host)
      return host
    }

    // ---- dialing

    const accept = (
      process: Process,
      host: Host.Host,
      listening: Host.Listening,
      attempt: Attempt.Attempt,
      wanted: string | undefined
    ): Socket => {
      const offered = attempt.dial.subprotocols
      const protocol = wanted ?? listening.subprotocols.find((one) => offered.includes(one)) ?? ""
      const socket: Socket = new Socket(
        {
          agenda,
          random,
          window: options.window ?? 256 * 1024,
          capabilities,
          conditions: () => host.conditions,
          gone: (error) => {
            if (socket.isSettled()) host.sockets.delete(socket)
            sockets.delete(socket)
            if (error !== undefined) note({ _tag: "Ended", id: attempt.request.id, error: error._tag })
          }
        },
        attempt.dial,
        attempt.receiver,
        protocol
      )
      host.sockets.add(socket)
      socket.down.hold(Pipe.suspended, process.isAsleep())
      socket.down.push({ _tag: "Upgrade", size: 0, open: () => attempt.open(socket) })
      socket.down.flush()
      listening.accept(host, socket, attempt.request)
      return socket
    }

    const forget = (process: Process, attempt: Attempt.Attempt) => {
      attempts.delete(attempt)
      process.attempts.delete(attempt)
    }

    const surroundings = (process: Process, host: Host.Host, where: string): Attempt.Surroundings => ({
      agenda,
      tells: platform === "node",
      conditions: () => host.conditions,
      lostIn: (request) => Host.listeningAt(host, where)?.lostIn?.(request),
      ask: (request, reply) => {
        const listening = Host.listeningAt(host, where)
        if (listening !== undefined) return listening.answer(request, reply)
        reply(host.listening.size > 0 ? reject(404) : refuse())
        return () => {}
      },
      accept: (attempt, protocol) => accept(process, host, Host.listeningAt(host, where)!, attempt, protocol),
      park: (attempt) => void host.parked.add(attempt),
      toClient: process.whenAwake,
      failed: (attempt, error) => {
        forget(process, attempt)
        note({ _tag: "DialFailed", id: attempt.request.id, error: error._tag })
      },
      opened: (attempt, socket) => {
        forget(process, attempt)
        sockets.add(socket)
        note({ _tag: "Opened", id: attempt.request.id })
      },
      abandoned: (attempt) => {
        forget(process, attempt)
        host.parked.delete(attempt)
        note({ _tag: "DialAbandoned", id: attempt.request.id })
      }
    })

    const openBy =
      (process: Process): Transport.Open =>
      (dial, receiver, resume) => {
        if (process.isDead) return () => {}
        const invalid = Address.check(dial, capabilities)
        const address = Address.parse(dial.url)
        if (invalid !== undefined || address === undefined) {
          resume(Effect.fail(invalid!))
          return () => {}
        }
        const { connection, epoch, headers, subprotocols, url } = dial
        const request: Request = {
          id: ++numbers,
          at: agenda.now(),
          connection,
          epoch,
          url,
          subprotocols: [...subprotocols],
          headers: { ...headers }
        }
        const around = surroundings(process, hostOf(process, address.host), address.path)
        const attempt = new Attempt.Attempt(around, request, dial, receiver)
        attempts.add(attempt)
        process.attempts.add(attempt)
        note({ _tag: "Dialed", id: request.id, endpoint: ConnectionError.endpointOf(url) })
        attempt.start(resume)
        return () => attempt.dispose()
      }

    // ---- processes

    const start = (name: string, rate: number): TestProcess => {
      const process = new Process(name, outer, rate)
      processes.set(name, process)
      const called = Transport.fromCallback(openBy(process))
      // The core takes another way for a dial that is only an effect: both are walked.
      const dial: typeof called = seed % 2 === 0 ? called : (dial, receiver) => called(dial, receiver)
      const transport = Transport.Transport.of({ name: "test", capabilities, dial })
      weather.greet(process)
      return {
        name,
        transport,
        clock: process.clock,
        provide: (effect) =>
          effect.pipe(
            Effect.provideService(Transport.Transport, transport),
            Effect.provideService(Clock.Clock, process.clock),
            unlessSeeded(chance)
          ),
        awake: Effect.callback<void>((resume) => process.whenAwake(() => resume(Effect.void))),
        kill: Effect.sync(() => process.kill())
      }
    }

    const client = start("client", 1)

    const process = (name: string, options: ProcessOptions = {}) =>
      processes.get(name)?.isDead === false
        ? Effect.die(new Error(`TestNetwork.process: "${name}" runs already`))
        : Effect.sync(() => start(name, options.rate ?? 1))

    // ---- servers

    const serve = <E, R, R2>(url: string, script?: Script<E, R>, serveOptions?: ServeOptions<R2>) =>
      Effect.gen(function* () {
        const address = Address.parse(url)
        if (address === undefined) {
          return yield* Effect.die(new Error("TestNetwork.serve: the url is not an absolute ws: or wss: url"))
        }
        const context = yield* Effect.context<R | R2>()
        return Host.serve(
          {
            servers: serversOf(address.host),
            path: address.path,
            url,
            script: (peer) => Effect.scoped((script ?? silent)(peer)),
            options: serveOptions ?? {},
            fork,
            failed: (peer, cause) => {
              note({ _tag: "ScriptFailed", id: peer.id, cause })
            }
          },
          context
        )
      })

    return {
      seed,
      transport: client.transport,
      layer: Layer.succeed(Transport.Transport)(client.transport),
      clock: client.clock,
      provide: client.provide,
      process,
      serve: serve as TestNetwork["serve"],
      inject: weather.inject,
      lift: weather.lift,
      heal: weather.heal,
      play: weather.play,
      open: Effect.sync(() => sockets.size),
      dialing: Effect.sync(() => attempts.size),
      history: Effect.sync(() => [...history])
    }
  })

/** A `Random` that the program provides itself stays. */
const unlessSeeded =
  (chance: typeof Random.Random.Service) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Effect.context<never>(), ({ mapUnsafe }) =>
      mapUnsafe.has(Random.Random.key) ? effect : Effect.provideService(effect, Random.Random, chance)
    )
