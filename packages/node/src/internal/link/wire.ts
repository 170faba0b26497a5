/**
 * What a link stands on: an open WebSocket. `ws` is one, and so is our own, for
 * sockets on which nothing is compressed.
 */
import type { Frame, LazyText } from "kharbranth/Message"

export interface Wire {
  /** The subprotocol that the server chose, or `""`. */
  readonly protocol: string
  /** As a browser counts: 1 is open, 2 closing, 3 closed. */
  readonly readyState: number
  /** Bytes that have not left the process. */
  readonly bufferedAmount: number
  /** How many bytes of payload it has. Throws what cannot be sent. `onWritten` is called when the frame has left. */
  sendFrame(frame: Frame, onWritten?: () => void): number
  /** Throws what cannot be sent. */
  sendPing(payload: Uint8Array, onWritten?: () => void): void
  /** What is sent from now on waits for `release`, unless enough of it has come together. */
  hold(): void
  release(): void
  pause(): void
  resume(): void
  /** Starts the closing handshake. */
  close(code?: number, reason?: string): void
  terminate(): void
}

/** What a wire reports to its link. */
export interface WireOwner {
  text(text: string | LazyText, size: number): void
  binary(bytes: Buffer): void
  pinged(payload: Buffer): void
  ponged(payload: Buffer): void
  /** The peer broke the protocol: `error` has the code that `ws` gives to how. */
  failed(error: unknown): void
  /** More came after the peer's last frame, and is forgotten. */
  discarded(): void
  /** The socket is gone. 1006 where no close frame came. */
  closed(code: number, reason: string): void
}

export const isOpen = (wire: Wire): boolean => wire.readyState === 1

/** So many bytes are worth a system call of their own: the peer works on them while the turn goes on. */
export const enough = 65_536
