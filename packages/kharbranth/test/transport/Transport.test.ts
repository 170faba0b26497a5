/**
 * Proves that `Transport.fromCallback` keeps the contract of a dial: the
 * outcome arrives, whenever it comes; interrupting and closing the scope let go
 * of whatever there is; and a connection dials by it, whether the outcome comes
 * at once, later, or as an effect, and says whether it wants a successor.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Connection from "../../src/Connection.ts"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import * as Transport from "../../src/Transport.ts"

type Outcome = Effect.Effect<Transport.Link, ConnectionError.DialError>

const ended = new ConnectionError.ConnectionDropped({ connection: "test", epoch: 1, cause: undefined })

const linkTo = (receiver?: Transport.Receiver, terminated: () => void = () => {}): Transport.Link => ({
  protocol: "",
  write: () => {},
  ping: () => {},
  buffered: () => 0,
  received: () => 0,
  pause: () => {},
  resume: () => {},
  close: () => receiver?.ended(ended),
  terminate: terminated
})

const dial: Transport.Dial = {
  connection: "test",
  epoch: 1,
  url: "ws://example/",
  subprotocols: [],
  headers: {},
  maxMessageSize: 1024,
  writeMark: { high: 2, low: 1 }
}

const receiver: Transport.Receiver = {
  frame: () => {},
  ping: () => {},
  pong: () => {},
  drained: () => {},
  ended: () => {}
}

const refused = new ConnectionError.DialFailed({
  connection: "test",
  kind: "refused",
  endpoint: "ws://example",
  cause: ConnectionError.foreign(undefined)
})

/** A platform whose answers the test gives, and which counts what was let go of and what was terminated. */
const platform = () => {
  const seen = { dials: 0, letGo: 0, terminated: 0, receiver: undefined as Transport.Receiver | undefined }
  const resumes: Array<(outcome: Outcome) => void> = []
  const open: Transport.Open = (_dial, receiver, resume) => {
    seen.dials++
    seen.receiver = receiver
    resumes.push(resume)
    return () => {
      seen.letGo++
    }
  }
  const link = () => linkTo(seen.receiver, () => seen.terminated++)
  return { seen, open, link, answer: (outcome: Outcome) => resumes.shift()?.(outcome) }
}

describe("Transport.fromCallback", () => {
  it.effect("gives what it is given, and lets go when the scope closes", () =>
    Effect.gen(function* () {
      const { answer, link: opened, open, seen } = platform()
      const scope = yield* Scope.make()
      const dialing = yield* Transport.fromCallback(open)(dial, receiver).pipe(
        Scope.provide(scope),
        Effect.forkChild({ startImmediately: true })
      )
      const link = opened()
      answer(Effect.succeed(link))
      assert.strictEqual(yield* Fiber.join(dialing), link)
      assert.strictEqual(seen.receiver, receiver)
      assert.strictEqual(seen.letGo, 0)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(seen.letGo, 1)
    })
  )

  it.effect("takes an outcome that comes before it returns", () =>
    Effect.gen(function* () {
      const dialer = Transport.fromCallback((_dial, _receiver, resume) => {
        resume(Effect.fail(refused))
        return () => {}
      })
      assert.strictEqual(yield* Effect.flip(Effect.scoped(dialer(dial, receiver))), refused)
    })
  )

  it.effect("abandons a dial that is interrupted", () =>
    Effect.gen(function* () {
      const { open, seen } = platform()
      const dialing = yield* Effect.scoped(Transport.fromCallback(open)(dial, receiver)).pipe(
        Effect.forkChild({ startImmediately: true })
      )
      assert.strictEqual(seen.letGo, 0)
      yield* Fiber.interrupt(dialing)
      assert.isAbove(seen.letGo, 0)
    })
  )
})

const connection = (open: Transport.Open, options: { readonly permit?: boolean } = {}) =>
  Connection.make("test", {
    target: "ws://example/",
    startup: "background",
    heartbeat: Heartbeat.none,
    reconnect: Reconnect.none,
    permit: options.permit === true ? () => Effect.void : undefined
  }).pipe(
    Effect.provideService(
      Transport.Transport,
      Transport.Transport.of({
        name: "test",
        capabilities: { ping: false, pause: false, headers: false, bytes: false },
        dial: Transport.fromCallback(open)
      })
    )
  )

describe("a connection that dials by callback", () => {
  for (const permit of [false, true]) {
    it.effect(`is Ready with the answer${permit ? ", also behind a permit" : ""}`, () =>
      Effect.gen(function* () {
        const { answer, link, open, seen } = platform()
        const { close, state } = yield* connection(open, { permit })
        assert.strictEqual(state.getUnsafe()._tag, "Connecting")
        answer(Effect.succeed(link()))
        assert.strictEqual(state.getUnsafe()._tag, "Connected")
        yield* close
        assert.isAbove(seen.terminated, 0)
      })
    )
  }

  it.effect("takes an answer that comes at once", () =>
    Effect.gen(function* () {
      const { state } = yield* connection((_dial, receiver, resume) => {
        resume(Effect.succeed(linkTo(receiver)))
        return () => {}
      })
      assert.strictEqual(state.getUnsafe()._tag, "Connected")
    })
  )

  it.effect("takes an answer that is an effect, and its failure", () =>
    Effect.gen(function* () {
      const { answer, open, seen } = platform()
      const { awaitReady } = yield* connection(open)
      answer(Effect.andThen(Effect.yieldNow, Effect.fail(refused)))
      const error = yield* Effect.flip(awaitReady)
      assert.strictEqual(error._tag === "RetriesExhausted" ? error.last : error, refused)
      assert.strictEqual(seen.letGo, 1)
    })
  )

  it.effect("abandons a dial that it does not want any more, and terminates what it becomes", () =>
    Effect.gen(function* () {
      const { answer, link, open, seen } = platform()
      const { close, state } = yield* connection(open)
      yield* close
      assert.strictEqual(seen.letGo, 1)
      answer(Effect.succeed(link()))
      assert.strictEqual(seen.terminated, 1)
      assert.strictEqual(state.getUnsafe()._tag, "Disconnected")
      assert.strictEqual(seen.dials, 1)
    })
  )

  it.effect("says which dial is for a successor", () =>
    Effect.gen(function* () {
      const successors: Array<boolean | undefined> = []
      const { restart } = yield* connection((dial, receiver, resume) => {
        successors.push(dial.successor)
        resume(Effect.succeed(linkTo(receiver)))
        return () => {}
      })
      yield* restart({ mode: "makeFirst" })
      yield* restart({ mode: "breakFirst" })
      assert.deepStrictEqual(successors, [false, true, false])
    })
  )
})
