/**
 * Moderate traffic on many sockets: each gets so many messages (`burst`) every
 * so many milliseconds (`every`), spread evenly over the time. A message is the
 * JSON of a market feed, of about `size` bytes, and says in `E` when it was
 * written, in microseconds.
 */
import type { Socket } from "node:net"
import { frame } from "./wire.ts"

const textOpcode = 1
const digits = 16
/** The server's clock and the clients' have the same zero on one machine. */
const micros = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1_000)

interface Template {
  readonly bytes: Buffer
  /** Where the digits of the time stand. */
  readonly at: number
}

const templateOf = (query: URLSearchParams): Template => {
  const size = Number(query.get("size"))
  const side = [
    ["43210.10", "1.200"],
    ["43209.90", "0.550"]
  ]
  const mark = "1".repeat(digits)
  const message = { e: "depth", s: query.get("symbol") ?? "BTCUSDT", E: 0, b: side, a: side, u: 1, p: "" }
  const text = (pad: string) => JSON.stringify({ ...message, p: pad }).replace(`"E":0`, `"E":${mark}`)
  const pad = "x".repeat(Math.max(0, size - Buffer.byteLength(text(""))))
  const bytes = frame(textOpcode, Buffer.from(text(pad)))
  return { bytes, at: bytes.indexOf(mark) }
}

/** Sockets that are served at the same rate, in as many slots as the interval has milliseconds. */
class Wheel {
  private readonly slots: ReadonlyArray<Set<Socket>>
  private readonly template: Template
  private readonly burst: number
  private next = 0
  private turned = performance.now()

  constructor(every: number, burst: number, template: Template) {
    this.slots = Array.from({ length: every }, () => new Set<Socket>())
    this.template = template
    this.burst = burst
    setInterval(() => this.turn(), 1)
  }

  add(socket: Socket): void {
    const slot = this.slots[this.next++ % this.slots.length]!
    slot.add(socket)
    socket.on("close", () => slot.delete(socket))
  }

  private turn(): void {
    const now = performance.now()
    const due = Math.floor(now - this.turned)
    const from = Math.floor(this.turned)
    this.turned += due
    for (let millisecond = from; millisecond < from + due; millisecond++) {
      const slot = this.slots[millisecond % this.slots.length]!
      if (slot.size === 0) continue
      const messages = this.messages()
      for (const socket of slot) socket.write(messages)
    }
  }

  private messages(): Buffer {
    const { at, bytes } = this.template
    const block = Buffer.alloc(bytes.length * this.burst, bytes)
    const time = String(micros()).padStart(digits, "0")
    for (let i = 0; i < this.burst; i++) block.write(time, i * bytes.length + at, "latin1")
    return block
  }
}

const wheels = new Map<string, Wheel>()

export const tick = (socket: Socket, query: URLSearchParams): void => {
  const key = query.toString()
  const wheel = wheels.get(key) ?? new Wheel(Number(query.get("every")), Number(query.get("burst")), templateOf(query))
  wheels.set(key, wheel)
  wheel.add(socket)
}
