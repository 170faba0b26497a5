/**
 * What a socket of the test network needs around it: the network on one side,
 * the server's script on the other.
 */
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type * as Transport from "../../Transport.ts"
import type { PeerEnd } from "../TestServer.ts"
import type { Agenda } from "./agenda.ts"
import type { Conditions } from "./conditions.ts"
import type { Seeded } from "./seeded.ts"

/** Where the server's half delivers. */
export interface ServerHalf {
  frame(frame: Frame): void
  ping(payload: Uint8Array): void
  pong(payload: Uint8Array): void
  close(code: number, reason: string): void
  /** Frames that waited have left the server. */
  departed(): void
  ended(end: PeerEnd): void
}

/** What a socket needs of the network around it. */
export interface Surroundings {
  readonly agenda: Agenda
  readonly random: Seeded
  readonly window: number
  readonly capabilities: Transport.Capabilities
  conditions(): Conditions
  /** The client's half is over; without an error, it never opened. */
  gone(error: ConnectionError.LinkError | undefined): void
}
