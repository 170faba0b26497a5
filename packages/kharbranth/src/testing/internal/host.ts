/**
 * One host, as one client process reaches it: its servers by path, which all
 * processes share, and the sockets and conditions on this way. Runs the servers'
 * scripts.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type { Fault } from "../Fault.ts"
import { accept } from "../TestServer.ts"
import type { Answer, Peer, Request, Script, Server, ServeOptions } from "../TestServer.ts"
import type { Attempt } from "./attempt.ts"
import type { Conditions } from "./conditions.ts"
import { concerns, isDown, isUp } from "./conditions.ts"
import * as Peers from "./peer.ts"
import type { Socket } from "./socket.ts"

/** Starts fibers that end with the network. */
export type Fork = <E, R>(
  services: Context.Context<R>,
  effect: Effect.Effect<unknown, E, R>,
  onExit: (exit: Exit.Exit<unknown, E>) => void
) => Fiber.Fiber<unknown, E>

/** A running server: how to answer a dial and what to do with a socket. */
export interface Listening {
  readonly subprotocols: ReadonlyArray<string>
  readonly dials: Array<Request>
  readonly lostIn: ServeOptions["lostIn"]
  /** Answers a dial, possibly later; returns how to stop. */
  answer(request: Request, reply: (answer: Answer) => void): () => void
  accept(host: Host, socket: Socket, request: Request): Peer
}

/** A host's servers by path. */
export type Servers = Map<string, Listening>

export interface Host {
  readonly name: string
  readonly process: string
  conditions: Conditions
  readonly listening: Servers
  readonly sockets: Set<Socket>
  readonly parked: Set<Attempt>
}

export const make = (name: string, process: string, conditions: Conditions, listening: Servers): Host => ({
  name,
  process,
  conditions,
  listening,
  sockets: new Set(),
  parked: new Set()
})

/** The server for a path: its own, or the host's one for every path. */
export const listeningAt = ({ listening }: Host, path: string): Listening | undefined =>
  listening.get(path) ?? listening.get("/")

/** Brings new conditions to what exists. */
export const adapt = (host: Host, conditions: Conditions): void => {
  host.conditions = conditions
  for (const socket of host.sockets) socket.adapt()
  const parked = [...host.parked]
  host.parked.clear()
  for (const attempt of parked) attempt.knock()
}

/** What a fault does at once to the sockets that exist. */
export const strike = (host: Host, fault: Fault): void => {
  if (!concerns(fault, host.process, host.name)) return
  for (const socket of [...host.sockets]) {
    switch (fault._tag) {
      case "HalfOpen":
        if (isUp(fault.direction)) socket.up.die()
        if (isDown(fault.direction)) socket.down.die()
        break
      case "Reset":
        socket.serverReset()
        break
      case "Close":
        socket.serverClose(fault.code, fault.reason)
        break
      case "CutMidWrite":
        socket.cutAfter(fault.frames)
        break
      case "Flood":
        socket.serverSend(Array.from({ length: fault.frames }, () => "x".repeat(fault.size)))
        break
    }
  }
}

// Whether the socket is left to the script.
const afterDoor = (host: Host, socket: Socket): boolean => {
  const { door } = host.conditions
  if (door?._tag === "AcceptThenClose") socket.serverClose(door.code, "")
  else if (door?._tag === "AcceptThenReset") socket.serverReset()
  else return true
  return false
}

const nothing = () => {}

interface Serving<E, R, R2> {
  readonly servers: Servers
  readonly path: string
  readonly url: string
  readonly script: Script<E, R>
  readonly options: ServeOptions<R2>
  readonly fork: Fork
  readonly failed: (peer: Peer, cause: Cause.Cause<unknown>) => void
}

/** Starts a server on a host. */
export const serve = <E, R, R2>(serving: Serving<E, R, R2>, services: Context.Context<R | R2>): Server => {
  const { failed, fork, options, path, script, servers, url } = serving
  const live = new Map<Peer, Socket>()
  const untaken: Array<Peer> = []
  let takers: Array<(peer: Peer) => void> = []

  const run = (peer: Peer, socket: Socket) =>
    fork(services as Context.Context<R>, script(peer), (exit) => {
      if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) return
      const ended = exit.cause.reasons.every((reason) => Cause.isFailReason(reason) && Cause.isDone(reason.error))
      if (ended) return
      failed(peer, exit.cause)
      socket.serverClose(1011, "")
    })

  const listening: Listening = {
    subprotocols: options.subprotocols ?? [],
    dials: [],
    lostIn: options.lostIn,
    answer: (request, reply) => {
      listening.dials.push(request)
      if (options.answer === undefined) {
        reply(accept())
        return nothing
      }
      const fiber = fork(services as Context.Context<R2>, options.answer(request), (exit) => {
        if (Exit.isSuccess(exit)) reply(exit.value as Answer)
      })
      return () => fiber.interruptUnsafe()
    },
    accept: (host, socket, request) => {
      const peer: Peer = Peers.make(socket, request, () => {
        live.delete(peer)
        if (socket.isSettled()) host.sockets.delete(socket)
      })
      live.set(peer, socket)
      if (!afterDoor(host, socket)) return peer
      const taker = takers.shift()
      if (taker === undefined) untaken.push(peer)
      else taker(peer)
      run(peer, socket)
      return peer
    }
  }
  servers.set(path, listening)

  return {
    url,
    accepted: Effect.callback<Peer>((resume) => {
      const peer = untaken.shift()
      if (peer !== undefined) return resume(Effect.succeed(peer))
      const taker = (next: Peer) => resume(Effect.succeed(next))
      takers.push(taker)
      return Effect.sync(() => {
        takers = takers.filter((other) => other !== taker)
      })
    }),
    connections: Effect.sync(() => [...live.keys()]),
    dials: Effect.sync(() => [...listening.dials]),
    stop: Effect.sync(() => {
      if (servers.get(path) === listening) servers.delete(path)
      for (const socket of [...live.values()]) socket.serverReset()
    })
  }
}
