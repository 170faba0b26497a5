/**
 * Conformance: opening a socket, and every way in which it may not open.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import type { Frame } from "../../../Message.ts"
import * as Transport from "../../../Transport.ts"
import type { Case } from "../../TransportRig.ts"
import { Broken, Rig } from "../../TransportRig.ts"
import { connect, dialOf, expect, failToConnect, finish, make, pair, same, sameFrames } from "./client.ts"

const subprotocol = make(
  "the subprotocol that the server chose is the link's",
  Effect.gen(function* () {
    const { client } = yield* pair({ subprotocols: ["chat.v2"] }, { subprotocols: ["chat.v3", "chat.v2"] })
    yield* same(client.link.protocol, "chat.v2", "the link's protocol")
    yield* finish(client)
  })
)

const noSubprotocol = make(
  "without a subprotocol the link's is empty",
  Effect.gen(function* () {
    const { client } = yield* pair()
    yield* same(client.link.protocol, "", "the link's protocol")
    yield* finish(client)
  })
)

const headers = make(
  "request headers arrive at the server",
  Effect.gen(function* () {
    const { client, peer } = yield* pair({}, { headers: { "x-first": "one", "X-Second": "two, three" } })
    yield* same(peer.headers["x-first"], "one", "the header x-first")
    yield* same(peer.headers["x-second"], "two, three", "the header x-second")
    yield* finish(client)
  }),
  ["headers"]
)

const greeting: ReadonlyArray<Frame> = ["first", new Uint8Array([1, 2, 3]), "third"]

const behindTheUpgrade = make(
  "frames right behind the upgrade are not lost",
  Effect.gen(function* () {
    const { client } = yield* pair({ greeting })
    yield* sameFrames(yield* client.untilFrames(3), greeting, "what the server sent with its answer")
    yield* finish(client)
  })
)

const independent = make(
  "two links are independent",
  Effect.gen(function* () {
    const rig = yield* Rig
    const listener = yield* rig.listen({ _tag: "Accept" })
    const one = yield* connect(listener.url)
    const atOne = yield* listener.peer
    const two = yield* connect(listener.url, { epoch: 2 })
    const atTwo = yield* listener.peer
    yield* atOne.send(["for one"])
    yield* atTwo.send(["for two"])
    yield* sameFrames(yield* one.untilFrames(1), ["for one"], "the first link's frames")
    yield* sameFrames(yield* two.untilFrames(1), ["for two"], "the second link's frames")
    yield* finish(one)
    yield* atTwo.send(["still"])
    yield* sameFrames(yield* two.untilFrames(2), ["for two", "still"], "the second link's frames, the first one gone")
    yield* same((yield* finishError(two))?.epoch, 2, "the epoch in the second link's end")
  })
)

const finishError = (client: Parameters<typeof finish>[0]) => Effect.andThen(finish(client), client.ended)

const refused = make(
  "where nothing listens, the dial fails as DialFailed",
  Effect.gen(function* () {
    const rig = yield* Rig
    const error = yield* failToConnect(rig.nowhere)
    yield* same(error._tag, "DialFailed", "the failure")
    if (error._tag !== "DialFailed") return
    yield* expect(error.kind === "refused" || error.kind === "unknown", `its kind is ${error.kind}`)
    yield* same(error.connection, "conformance", "its connection")
  })
)

const rejected = make(
  "a refused upgrade fails as HandshakeRejected, or as DialFailed where the platform hides it",
  Effect.gen(function* () {
    const rig = yield* Rig
    const listener = yield* rig.listen({ _tag: "Reject", status: 401 })
    const error = yield* failToConnect(listener.url)
    yield* expect(error._tag === "HandshakeRejected" || error._tag === "DialFailed", `the failure is ${error._tag}`)
  })
)

const rejectedWith = (status: number, retryAfterSeconds?: number) =>
  make(
    `a refused upgrade shows status ${status}${retryAfterSeconds === undefined ? "" : " and Retry-After"}`,
    Effect.gen(function* () {
      const rig = yield* Rig
      const listener = yield* rig.listen({ _tag: "Reject", status, retryAfterSeconds })
      const error = yield* failToConnect(listener.url)
      if (error._tag !== "HandshakeRejected") {
        return yield* new Broken({ issue: `a refused upgrade failed as ${error._tag}, not as HandshakeRejected` })
      }
      yield* same(error.status, status, "its status")
      const wait = error.retryAfter === undefined ? undefined : Duration.toSeconds(error.retryAfter)
      yield* same(wait, retryAfterSeconds, "its Retry-After in seconds")
    }),
    ["status"]
  )

/** Dials a server that never answers, until the request is there. */
const hanging = (scope: Scope.Scope) =>
  Effect.gen(function* () {
    const rig = yield* Rig
    const transport = yield* Transport.Transport
    const listener = yield* rig.listen({ _tag: "Hold" })
    const told = { count: 0 }
    const tell = () => {
      told.count++
    }
    const receiver: Transport.Receiver = { frame: tell, ping: tell, pong: tell, drained: tell, ended: tell }
    const settled = yield* Deferred.make<Transport.Link, unknown>()
    const fiber = yield* transport
      .dial(dialOf(listener.url), receiver)
      .pipe(Scope.provide(scope), Deferred.into(settled), Effect.forkIn(scope))
    yield* listener.asked
    return { listener, fiber, told, settled }
  })

const interrupted = make(
  "a dial that hangs can be interrupted and leaves nothing behind",
  Effect.gen(function* () {
    const { fiber, listener, told } = yield* hanging(yield* Effect.scope)
    yield* Fiber.interrupt(fiber)
    yield* listener.deserted
    yield* same(told.count, 0, "how much an interrupted dial told its receiver")
  })
)

const scopeClosed = make(
  "closing the scope of a dial that hangs leaves nothing behind",
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const { listener, told } = yield* hanging(scope)
    yield* Scope.close(scope, Exit.void)
    yield* listener.deserted
    yield* same(told.count, 0, "how much an abandoned dial told its receiver")
  })
)

export const cases: ReadonlyArray<Case> = [
  subprotocol,
  noSubprotocol,
  headers,
  behindTheUpgrade,
  independent,
  refused,
  rejected,
  rejectedWith(401),
  rejectedWith(404),
  rejectedWith(503, 7),
  interrupted,
  scopeClosed
]
