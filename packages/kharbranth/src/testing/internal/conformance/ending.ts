/**
 * Conformance: every way a link ends, told once and truthfully.
 */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as ConnectionError from "../../../ConnectionError.ts"
import * as Transport from "../../../Transport.ts"
import type { Case, RigPeer } from "../../TransportRig.ts"
import { Broken } from "../../TransportRig.ts"
import type { Client } from "./client.ts"
import { expect, finish, make, pair, same, sameFrames, settle } from "./client.ts"

const closed = (client: Client) =>
  Effect.gen(function* () {
    const error = yield* client.ended
    if (error._tag === "ConnectionClosed") return error
    return yield* new Broken({ issue: `a closing handshake was reported as ${error._tag}` })
  })

const isCut = (error: ConnectionError.LinkError): boolean =>
  error._tag === "ConnectionDropped" || error._tag === "ReadError"

const closeAt = (peer: RigPeer) =>
  Effect.gen(function* () {
    while (true) {
      const message = yield* peer.receive
      if (message._tag === "Close") return message
    }
  })

const byServer = make(
  "a server's close shows its code and reason",
  Effect.gen(function* () {
    const { client, peer } = yield* pair({}, { connection: "prices", epoch: 7 })
    yield* peer.close(4001, "maintenance")
    const error = yield* closed(client)
    yield* same(error.code, 4001, "the code")
    yield* same(Redacted.value(error.reason), "maintenance", "the reason")
    yield* same(error.initiator, "server", "the initiator")
    yield* same(error.connection, "prices", "the connection")
    yield* same(error.epoch, 7, "the epoch")
    yield* peer.gone
    yield* finish(client)
  })
)

const withoutCode = make(
  "a server's close without a code is 1005",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    yield* peer.close()
    const error = yield* closed(client)
    yield* same(error.code, 1005, "the code")
    yield* same(Redacted.value(error.reason), "", "the reason")
    yield* finish(client)
  })
)

const byClient = make(
  "a client's close reaches the server and ends the link once",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.close(3001, "done here")
    const frame = yield* closeAt(peer)
    yield* same(frame.code, 3001, "the code at the server")
    yield* same(frame.reason, "done here", "the reason at the server")
    const error = yield* closed(client)
    yield* same(error.sentCode, 3001, "the code that we sent")
    yield* same(error.initiator, "client", "the initiator")
    yield* peer.gone
    yield* finish(client)
  })
)

const flushed = make(
  "what was written before a close arrives before it",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.write(["one", "two"])
    client.link.close(1000, "")
    const tags = [yield* peer.receive, yield* peer.receive, yield* peer.receive].map((message) => message._tag)
    yield* same(tags.join(), "Text,Text,Close", "what the server received")
    yield* finish(client)
  })
)

const closedTwice = make(
  "closing twice is the same as once",
  Effect.gen(function* () {
    const { client } = yield* pair()
    client.link.close(3001, "first")
    client.link.close(3002, "second")
    yield* same((yield* closed(client)).sentCode, 3001, "the code that we sent")
    yield* finish(client)
  })
)

const framesFirst = make(
  "frames sent before a close are delivered before the end",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    const frames = Array.from({ length: 500 }, (_, index) => `frame ${index}`)
    yield* peer.send(frames)
    yield* peer.close(1000, "")
    yield* closed(client)
    yield* sameFrames(client.frames(), frames, "what arrived before the end")
    yield* finish(client)
  })
)

const cut = make(
  "a cut connection is ConnectionDropped or ReadError",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    yield* peer.send(["last words"])
    yield* client.untilFrames(1)
    yield* peer.reset
    const error = yield* client.ended
    yield* expect(isCut(error), `a cut connection ended with ${error._tag}`)
    yield* finish(client)
  })
)

const terminated = make(
  "terminate ends the link, and the server notices",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    client.link.terminate()
    const error = yield* client.ended
    yield* expect(isCut(error), `a terminated link ended with ${error._tag}`)
    yield* peer.gone
    yield* finish(client)
  })
)

const unanswered = make(
  "a close that is never answered ends by terminate",
  Effect.gen(function* () {
    const { client, peer } = yield* pair({ answersClose: false })
    client.link.close(1000, "")
    yield* closeAt(peer)
    yield* same(client.said.length, 0, "how much was reported before an answer")
    client.link.terminate()
    yield* client.ended
    yield* peer.gone
    yield* finish(client)
  })
)

const unansweredScope = make(
  "closing the scope during a close that is never answered ends the link",
  Effect.gen(function* () {
    const { client, peer } = yield* pair({ answersClose: false })
    client.link.close(1000, "")
    yield* closeAt(peer)
    yield* client.leave
    yield* client.ended
    yield* peer.gone
    yield* finish(client)
  })
)

const scopeClosed = make(
  "closing the scope of an open link ends it, and the server notices",
  Effect.gen(function* () {
    const { client, listener, peer } = yield* pair()
    yield* client.leave
    yield* client.ended
    yield* peer.gone
    yield* listener.deserted
    yield* finish(client)
  })
)

const crossed = make(
  "two closes that cross end the link once",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    yield* peer.close(4002, "")
    client.link.close(3002, "")
    yield* closed(client)
    yield* peer.gone
    yield* finish(client)
  })
)

const useEverything = (client: Client) =>
  Effect.gen(function* () {
    const { capabilities } = yield* Transport.Transport
    client.link.write(["too late", new Uint8Array([1])])
    if (capabilities.ping) client.link.ping(new Uint8Array([1]))
    if (capabilities.pause) {
      client.link.pause()
      client.link.resume()
    }
    client.link.close(1000, "")
    client.link.terminate()
    yield* expect(client.link.buffered() >= 0 && client.link.received() >= 0, "a count is negative after the end")
  })

const afterTheEnd = make(
  "after the end every method is a no-op",
  Effect.gen(function* () {
    const { client, peer } = yield* pair()
    yield* peer.close(1000, "")
    yield* closed(client)
    yield* useEverything(client)
    yield* settle
    yield* same(client.said.length, 1, "how much was reported")
    yield* finish(client)
  })
)

const afterTerminate = make(
  "after terminate every method is a no-op",
  Effect.gen(function* () {
    const { client } = yield* pair()
    client.link.terminate()
    yield* useEverything(client)
    yield* client.ended
    yield* useEverything(client)
    yield* settle
    yield* same(client.said.length, 1, "how much was reported")
    yield* finish(client)
  })
)

export const cases: ReadonlyArray<Case> = [
  byServer,
  withoutCode,
  byClient,
  flushed,
  closedTwice,
  framesFirst,
  cut,
  terminated,
  unanswered,
  unansweredScope,
  scopeClosed,
  crossed,
  afterTheEnd,
  afterTerminate
]
