/**
 * The conformance rig over a test network: each listener is a host of its own.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Message from "kharbranth/Message"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type { Door, Listener, Rig, RigPeer } from "kharbranth/testing/TransportConformance"
import { inspect } from "node:util"

const lowerCase = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

const rigPeer = (peer: TestNetwork.Peer) =>
  Effect.gen(function* () {
    const inbox = yield* Queue.unbounded<Message.Message>()
    const put = (message: Message.Message) => void Queue.offerUnsafe(inbox, message)
    yield* peer.listen({
      frame: (frame) => put(Message.fromFrame(frame)),
      ping: (payload) => put(Message.ping(payload)),
      pong: (payload) => put(Message.pong(payload)),
      close: (code, reason) => put(Message.close(code, reason))
    })
    const made: RigPeer = {
      headers: lowerCase(peer.request.headers),
      receive: Queue.take(inbox),
      send: (frames) => Effect.ignore(peer.send(frames)),
      begin: peer.begin,
      ping: peer.ping,
      close: (code = 1005, reason = "") => peer.close(code, reason),
      reset: peer.reset,
      pause: peer.pause,
      resume: peer.resume,
      gone: peer.ended
    }
    return made
  })

const answerOf = (door: Door, asked: Deferred.Deferred<void>, deserted: Deferred.Deferred<void>) => {
  switch (door._tag) {
    case "Accept":
      return Effect.succeed(TestNetwork.accept())
    case "Reject": {
      const seconds = door.retryAfterSeconds
      return Effect.succeed(
        TestNetwork.reject(door.status, { retryAfter: seconds === undefined ? undefined : `${seconds} seconds` })
      )
    }
    case "Hold":
      return Deferred.succeed(asked, undefined).pipe(
        Effect.andThen(Effect.never),
        Effect.onInterrupt(() => Deferred.succeed(deserted, undefined))
      )
  }
}

/** Makes the rig of a network. */
export const make = (network: TestNetwork.TestNetwork): Rig["Service"] => {
  let hosts = 0
  const listen = (door: Door) =>
    Effect.gen(function* () {
      const host = `host-${++hosts}.example`
      const asked = yield* Deferred.make<void>()
      const deserted = yield* Deferred.make<void>()
      const peers = yield* Queue.unbounded<RigPeer>()
      if (door._tag === "Accept" && door.answersClose === false) yield* network.inject(Fault.ignoreClose({ host }))
      const server: TestNetwork.Server = yield* network.serve(
        `wss://${host}/rig`,
        (peer) =>
          Effect.gen(function* () {
            if (door._tag === "Accept" && door.greeting !== undefined) peer.sendUnsafe(door.greeting)
            yield* Queue.offer(peers, yield* rigPeer(peer))
            yield* peer.ended
            if ((yield* server.connections).length === 0) yield* Deferred.succeed(deserted, undefined)
          }),
        {
          subprotocols: door._tag === "Accept" ? door.subprotocols : undefined,
          answer: () => answerOf(door, asked, deserted)
        }
      )
      const listener: Listener = {
        url: server.url,
        peer: Queue.take(peers),
        asked: Deferred.await(asked),
        deserted: Deferred.await(deserted)
      }
      return listener
    })
  return {
    listen,
    nowhere: "wss://nowhere.example/",
    inspect: (value) => inspect(value, { depth: 20, showHidden: true })
  }
}
