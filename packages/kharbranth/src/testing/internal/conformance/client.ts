/**
 * The client of a conformance case: it dials, writes down everything that the
 * link reports, and waits for what a case expects. It is also where the rules
 * that hold in every case are checked: one end, and nothing after it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type * as ConnectionError from "../../../ConnectionError.ts"
import type { Frame } from "../../../Message.ts"
import * as Transport from "../../../Transport.ts"
import type { Case, Door, Listener, Need, RigPeer } from "../../TransportRig.ts"
import { Broken, Rig } from "../../TransportRig.ts"

/** Fails unless it holds. */
export const expect = (holds: boolean, issue: string): Effect.Effect<void, Broken> =>
  holds ? Effect.void : Effect.fail(new Broken({ issue }))

const show = (value: unknown): string =>
  typeof value === "string" && value.length > 60
    ? `a string of ${value.length}`
    : (JSON.stringify(value) ?? String(value))

/** Fails unless both are the same value. */
export const same = (actual: unknown, expected: unknown, what: string): Effect.Effect<void, Broken> =>
  expect(Object.is(actual, expected), `${what} is ${show(actual)}, not ${show(expected)}`)

/** Whether both are the same text, or both bytes of the same content. */
export const sameFrame = (a: unknown, b: Frame): boolean =>
  typeof b === "string"
    ? a === b
    : a instanceof Uint8Array && a.length === b.length && a.every((byte, index) => byte === b[index])

/** Fails unless the frames are the same, in order. */
export const sameFrames = (actual: ReadonlyArray<unknown>, expected: ReadonlyArray<Frame>, what: string) => {
  const wrong = expected.findIndex((frame, index) => !sameFrame(actual[index], frame))
  return wrong === -1 && actual.length === expected.length
    ? Effect.void
    : Effect.fail(
        new Broken({ issue: `${what}: ${actual.length} of ${expected.length} frames, the first wrong at ${wrong}` })
      )
}

/** Everything that a link said. */
export type Said =
  | { readonly _tag: "Frame"; readonly frame: Frame; readonly size: number }
  | { readonly _tag: "Ping" | "Pong"; readonly payload: Uint8Array }
  | { readonly _tag: "Drained" }
  | { readonly _tag: "Ended"; readonly error: ConnectionError.LinkError }

export interface Client {
  readonly link: Transport.Link
  /** Everything so far. */
  readonly said: ReadonlyArray<Said>
  /** The frames so far. */
  readonly frames: () => ReadonlyArray<Frame>
  /** Waits until something has been said. */
  readonly until: (holds: (said: ReadonlyArray<Said>) => boolean) => Effect.Effect<void>
  readonly untilFrames: (count: number) => Effect.Effect<ReadonlyArray<Frame>>
  readonly ended: Effect.Effect<ConnectionError.LinkError>
  /** Closes the scope that the link lives in. */
  readonly leave: Effect.Effect<void>
  /** Runs once for each thing said, inside the transport's callback. */
  readonly watch: (f: (said: Said) => void) => void
}

/** Marks that no case reaches by accident. */
export const dialOf = (url: string, change: Partial<Transport.Dial> = {}): Transport.Dial => ({
  connection: "conformance",
  epoch: 1,
  url,
  subprotocols: [],
  headers: {},
  maxMessageSize: 1 << 20,
  writeMark: { high: 1 << 20, low: 1 << 18 },
  ...change
})

interface Waiter {
  readonly holds: (said: ReadonlyArray<Said>) => boolean
  readonly done: Deferred.Deferred<void>
}

const isFrame = (said: Said): said is Extract<Said, { readonly _tag: "Frame" }> => said._tag === "Frame"

/** Notes what is said, and wakes who waits for it. */
const recorder = () => {
  const said: Array<Said> = []
  const listeners: Array<(said: Said) => void> = []
  let waiters: Array<Waiter> = []
  const note = (one: Said) => {
    said.push(one)
    for (const listener of listeners) listener(one)
    const due = waiters.filter((waiter) => waiter.holds(said))
    if (due.length === 0) return
    waiters = waiters.filter((waiter) => !due.includes(waiter))
    for (const waiter of due) Deferred.doneUnsafe(waiter.done, Effect.void)
  }
  const receiver: Transport.Receiver = {
    frame: (frame, size) => note({ _tag: "Frame", frame, size }),
    ping: (payload) => note({ _tag: "Ping", payload }),
    pong: (payload) => note({ _tag: "Pong", payload }),
    drained: () => note({ _tag: "Drained" }),
    ended: (error) => note({ _tag: "Ended", error })
  }
  const until = (holds: Waiter["holds"]) =>
    Effect.suspend(() => {
      if (holds(said)) return Effect.void
      const done = Deferred.makeUnsafe<void>()
      waiters.push({ holds, done })
      return Deferred.await(done)
    })
  return { said, receiver, until, watch: (listener: (said: Said) => void) => void listeners.push(listener) }
}

/** The rules of every case: at most one end, which is the last thing said. */
const checkOrder = (said: ReadonlyArray<Said>) =>
  Effect.suspend(() => {
    const first = said.findIndex((one) => one._tag === "Ended")
    const after = first === -1 ? undefined : said[first + 1]
    return expect(after === undefined, `\`${after?._tag}\` was reported after the end`)
  })

/** Dials, in a scope of its own below the case's. */
export const connect = (url: string, change?: Partial<Transport.Dial>) =>
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const scope = yield* Scope.fork(yield* Effect.scope)
    const { receiver, said, until, watch } = recorder()
    const link = yield* transport.dial(dialOf(url, change), receiver).pipe(Scope.provide(scope))
    const frames = () => said.filter(isFrame).map((one) => one.frame)
    const client: Client = {
      link,
      said,
      frames,
      until,
      untilFrames: (count) => {
        let seen = 0
        let looked = 0
        const enough = (all: ReadonlyArray<Said>) => {
          for (; looked < all.length; looked++) if (all[looked]!._tag === "Frame") seen++
          return seen >= count
        }
        return Effect.map(until(enough), frames)
      },
      ended: Effect.suspend(() => {
        const error = () => said.find((one) => one._tag === "Ended")?.error
        return Effect.map(
          until(() => error() !== undefined),
          () => error()!
        )
      }),
      leave: Scope.close(scope, Exit.void),
      watch
    }
    return client
  })

/** Dials, and expects it to fail. Checks that a failed dial says nothing else. */
export const failToConnect = (url: string, change?: Partial<Transport.Dial>) =>
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const { receiver, said } = recorder()
    const dial = Effect.scoped(transport.dial(dialOf(url, change), receiver))
    const error = yield* Effect.mapError(
      Effect.flip(dial),
      () => new Broken({ issue: "a dial that must fail succeeded" })
    )
    yield* same(said.length, 0, "how much a failed dial told its receiver")
    return error
  })

/** A listener, and one client connected to it. */
export interface Pair {
  readonly client: Client
  readonly peer: RigPeer
  readonly listener: Listener
}

export const pair = (
  door: Partial<Extract<Door, { readonly _tag: "Accept" }>> = {},
  change?: Partial<Transport.Dial>
) =>
  Effect.gen(function* () {
    const rig = yield* Rig
    const listener = yield* rig.listen({ _tag: "Accept", ...door })
    const client = yield* connect(listener.url, change)
    const peer = yield* listener.peer
    const made: Pair = { client, peer, listener }
    return made
  })

/**
 * Lets time pass without a clock: some round trips of a socket of its own. What
 * was on its way before them has arrived.
 */
export const settle = Effect.gen(function* () {
  const { client, peer } = yield* pair()
  for (let trip = 1; trip <= 5; trip++) {
    client.link.write(["there"])
    yield* peer.receive
    yield* peer.send(["back"])
    yield* client.untilFrames(trip)
  }
  yield* client.leave
  yield* peer.gone
})

/** After the case's own checks: leave, let stragglers come, and look at the whole record. */
export const finish = (client: Client) =>
  Effect.gen(function* () {
    yield* client.leave
    yield* client.ended
    yield* settle
    yield* checkOrder(client.said)
  })

/** Makes a case. */
export const make = (name: string, run: Case["run"], needs: ReadonlyArray<Need> = []): Case => ({ name, needs, run })
