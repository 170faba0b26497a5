/**
 * What a way of reading makes of bytes: our reader, and `ws`'s own. Both are
 * fed the same pieces and report in the same words.
 */
import { type FrameReceiver, FrameReader } from "../../src/internal/frames/frameReader.ts"
import * as Ws from "ws"

/** One thing that was reported, as text, so that two lists compare at a glance. */
export type Outcome = ReadonlyArray<string>

export interface Limits {
  readonly maxMessageSize: number
  readonly maxFragments: number
  /** Our reader passes text on as bytes. */
  readonly lazyText?: boolean
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/**
 * By our reader. It gets each piece in memory that is overwritten afterwards, as
 * a socket's is: what it passed on must not change.
 */
export const byReader = (pieces: ReadonlyArray<Buffer>, { lazyText, maxMessageSize }: Limits): Outcome => {
  const reports: Array<() => string> = []
  const receiver: FrameReceiver = {
    text: (text, size) => reports.push(() => `text ${JSON.stringify(String(text))} ${size}`),
    binary: (bytes) => reports.push(() => `binary ${hex(bytes)}`),
    ping: (payload) => reports.push(() => `ping ${hex(payload)}`),
    pong: (payload) => reports.push(() => `pong ${hex(payload)}`),
    closed: (code, reason) => reports.push(() => `closed ${code} ${JSON.stringify(reason)}`),
    violated: (violation) => reports.push(() => `violated ${violation}`)
  }
  const reader = new FrameReader(receiver, maxMessageSize, lazyText)
  for (const piece of pieces) {
    const memory = Buffer.from(piece)
    reader.read(memory)
    memory.fill(0xaa)
  }
  return reports.map((report) => report())
}

/** The receiver of `ws`, which its types do not declare. */
interface WsReceiver extends NodeJS.EventEmitter {
  write(piece: Buffer): void
}

const Receiver = (Ws as unknown as { readonly Receiver: new (options: object) => WsReceiver }).Receiver

/** By the receiver of `ws`. Its error comes a turn later: the outcome is complete then. */
export const byWs = (pieces: ReadonlyArray<Buffer>, { maxFragments, maxMessageSize }: Limits): Outcome => {
  const outcome: Array<string> = []
  let over = false
  const receiver = new Receiver({ maxPayload: maxMessageSize, maxFragments })
  receiver.on("message", (data: Buffer, isBinary: boolean) => {
    outcome.push(isBinary ? `binary ${hex(data)}` : `text ${JSON.stringify(data.toString())} ${data.length}`)
  })
  receiver.on("ping", (payload: Buffer) => outcome.push(`ping ${hex(payload)}`))
  receiver.on("pong", (payload: Buffer) => outcome.push(`pong ${hex(payload)}`))
  receiver.on("conclude", (code: number, reason: Buffer) => {
    over = true
    outcome.push(`closed ${code} ${JSON.stringify(reason.toString())}`)
  })
  receiver.on("error", (error: { readonly code: string }) => outcome.push(`violated ${error.code}`))
  for (const piece of pieces) if (!over) receiver.write(Buffer.from(piece))
  return outcome
}
