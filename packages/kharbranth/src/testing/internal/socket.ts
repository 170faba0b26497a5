/**
 * One accepted socket: the client's half (a `Link`, told through a `Receiver`),
 * the server's half (told through `ServerHalf`), and a pipe each way. All
 * WebSocket behaviour of the test network is here: control frames, both closing
 * handshakes, resets.
 */
import type * as ConnectionError from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import type * as Transport from "../../Transport.ts"
import type { PeerEnd } from "../TestServer.ts"
import type { CloseFrame } from "./endings.ts"
import * as Endings from "./endings.ts"
import type { Item } from "./items.ts"
import * as Items from "./items.ts"
import * as Pipe from "./pipe.ts"
import type { ServerHalf, Surroundings } from "./surroundings.ts"

export class Socket {
  readonly dial: Transport.Dial
  readonly protocol: string
  readonly up: Pipe.Pipe<Item>
  readonly down: Pipe.Pipe<Item>
  readonly link: Transport.Link
  server: ServerHalf | undefined
  private readonly around: Surroundings
  private readonly receiver: Transport.Receiver
  private opened = false
  private over = false
  private aboveMark = false
  private frames = 0
  private clientSent: CloseFrame | undefined
  private clientGot: CloseFrame | undefined
  private initiator: "server" | "client" = "server"
  private serverOver = false
  private serverSent: CloseFrame | undefined
  private framesUntilCut: number | undefined

  constructor(around: Surroundings, dial: Transport.Dial, receiver: Transport.Receiver, protocol: string) {
    this.around = around
    this.dial = dial
    this.receiver = receiver
    this.protocol = protocol
    const { agenda, random, window } = around
    this.up = new Pipe.Pipe<Item>(agenda, random, window, () => around.conditions().up, {
      begin: () => true,
      arrive: (item) => this.atServer(item),
      departed: () => this.unbuffered()
    })
    this.down = new Pipe.Pipe<Item>(agenda, random, window, () => around.conditions().down, {
      begin: (item) => this.admits(item),
      arrive: (item) => this.atClient(item),
      departed: () => this.server?.departed()
    })
    this.link = this.makeLink()
    this.adapt()
  }

  /** Whether both halves are over. */
  isSettled(): boolean {
    return this.over && this.serverOver
  }

  /** Follows a change of conditions. */
  adapt(): void {
    const now = this.around.conditions()
    this.up.hold(Pipe.stalled, now.stalledUp)
    this.up.hold(Pipe.slow, now.slowReader)
    this.down.hold(Pipe.stalled, now.stalledDown)
    if (now.cutUp) this.up.die()
    if (now.cutDown) this.down.die()
  }

  // ---- the client's half

  private makeLink(): Transport.Link {
    const { capabilities } = this.around
    return {
      protocol: this.protocol,
      write: (frames) => this.write(frames),
      ping: (payload) => {
        if (capabilities.ping && this.canWrite()) this.send(this.up, Items.ping(payload))
      },
      buffered: () => this.up.buffered(),
      received: () => (capabilities.bytes ? this.down.received() : this.frames),
      pause: () => {
        if (capabilities.pause && !this.over) this.down.hold(Pipe.paused, true)
      },
      resume: () => this.down.hold(Pipe.paused, false),
      close: (code, reason) => this.clientClose(code, reason),
      terminate: () => this.terminate()
    }
  }

  private canWrite(): boolean {
    return this.opened && !this.over && this.clientSent === undefined && this.clientGot === undefined
  }

  private send(pipe: Pipe.Pipe<Item>, item: Item): void {
    pipe.push(item)
    pipe.flush()
  }

  private write(frames: ReadonlyArray<Frame>): void {
    if (!this.canWrite()) return
    for (let i = 0; i < frames.length; i++) this.up.push(Items.frame(frames[i]!))
    this.up.flush()
    if (this.up.buffered() >= this.dial.writeMark.high) this.aboveMark = true
  }

  private unbuffered(): void {
    if (!this.aboveMark || this.over || this.up.buffered() > this.dial.writeMark.low) return
    this.aboveMark = false
    this.receiver.drained()
  }

  private clientClose(code: number, reason: string): void {
    if (!this.canWrite()) return
    this.initiator = "client"
    this.clientSent = { code, reason }
    this.send(this.up, Items.close(code, reason))
  }

  /** Destroys the client's half now; its receiver hears of it in a moment, or `atOnce`. */
  terminate(atOnce = false): void {
    if (this.over) return
    this.leave()
    const error = this.clientGot === undefined ? Endings.dropped(this.dial) : this.closedBy(this.clientGot)
    if (atOnce) this.finish(error)
    else this.around.agenda.after(0, () => this.finish(error))
  }

  /** The client gave up before it was open. */
  abandon(): void {
    this.over = true
    this.leave()
    this.around.gone(undefined)
  }

  /** The client's process is gone: its kernel resets the socket, and nobody is told on this side. */
  vanish(): void {
    if (this.over) return
    this.abandon()
  }

  // The server notices by a reset.
  private leave(): void {
    this.down.close()
    this.up.discard()
    this.send(this.up, Items.reset)
  }

  private admits(item: Item): boolean {
    if ((item._tag !== "Frame" && item._tag !== "Part") || item.whole <= this.dial.maxMessageSize) return true
    this.up.discard()
    this.up.push(Items.close(1009, ""))
    this.send(this.up, Items.fin)
    this.finish(Endings.tooLarge(this.dial, item.whole))
    return false
  }

  private atClient(item: Item): void {
    switch (item._tag) {
      case "Upgrade":
        this.opened = true
        return item.open()
      case "Frame":
        if (this.clientGot !== undefined) return
        this.frames++
        return this.receiver.frame(item.frame, item.whole)
      case "Ping":
        if (this.around.capabilities.ping) this.receiver.ping(item.payload)
        if (this.canWrite()) this.send(this.up, Items.pong(item.payload))
        return
      case "Pong":
        if (this.around.capabilities.ping) this.receiver.pong(item.payload)
        return
      case "Close":
        this.clientGot = item
        if (this.clientSent === undefined) this.send(this.up, Items.close(item.code, ""))
        return
      case "Part":
        return
      case "Fin":
      case "Reset":
        return this.endedByNetwork(item._tag === "Reset" ? "ECONNRESET" : "EOF")
    }
  }

  private endedByNetwork(cause: string): void {
    const late = this.around.conditions().lateEnd
    const error = this.clientGot === undefined ? Endings.dropped(this.dial, cause) : this.closedBy(this.clientGot)
    if (late === undefined) return this.finish(error)
    if (late !== Infinity) this.around.agenda.after(late, () => this.finish(error))
  }

  private finish(error: ConnectionError.LinkError): void {
    if (this.over) return
    this.over = true
    this.down.close()
    this.around.gone(error)
    this.receiver.ended(error)
  }

  private closedBy(frame: CloseFrame): ConnectionError.LinkError {
    return Endings.closed(this.dial, frame, this.clientSent?.code, this.initiator)
  }

  // ---- the server's half

  private atServer(item: Item): void {
    switch (item._tag) {
      case "Frame":
        if (this.framesUntilCut === 0) return this.serverReset()
        this.server?.frame(item.frame)
        if (this.framesUntilCut !== undefined && --this.framesUntilCut === 0) this.serverReset()
        return
      case "Ping":
        if (!this.around.conditions().mutePongs && !this.serverOver) {
          this.send(this.down, Items.pong(item.payload))
        }
        return this.server?.ping(item.payload)
      case "Pong":
        return this.server?.pong(item.payload)
      case "Close":
        return this.closeAtServer(item)
      case "Fin":
      case "Reset":
        this.down.discard()
        return this.serverEnded({ _tag: "Dropped" })
      case "Upgrade":
      case "Part":
        return
    }
  }

  private closeAtServer(frame: CloseFrame): void {
    const now = this.around.conditions()
    this.server?.close(frame.code, frame.reason)
    const initiator = this.serverSent === undefined ? "client" : "server"
    if (this.serverSent === undefined) {
      if (now.ignoreClose) return
      this.serverSent = frame
      this.down.push(Items.close(frame.code, ""))
    }
    if (!now.holdOpen) this.down.push(Items.fin)
    this.down.flush()
    const { code, reason } = initiator === "client" ? frame : this.serverSent
    this.serverEnded({ _tag: "Closed", code, reason, initiator })
  }

  private serverEnded(end: PeerEnd): void {
    if (this.serverOver) return
    this.serverOver = true
    this.up.close()
    this.server?.ended(end)
  }

  private serverCanWrite(): boolean {
    return !this.serverOver && this.serverSent === undefined
  }

  /** Sends frames; `false` when this half is over. */
  serverSend(frames: ReadonlyArray<Frame>): boolean {
    if (!this.serverCanWrite()) return false
    for (let i = 0; i < frames.length; i++) this.down.push(Items.frame(frames[i]!))
    this.down.flush()
    return true
  }

  /** Sends a message's first half; returns how to send the rest. */
  serverBegin(frame: Frame): () => void {
    const [first, rest] = Items.halves(frame)
    if (!this.serverCanWrite()) return () => {}
    this.send(this.down, first)
    return () => {
      if (this.serverCanWrite()) this.send(this.down, rest)
    }
  }

  serverPing(payload: Uint8Array): void {
    if (this.serverCanWrite()) this.send(this.down, Items.ping(payload))
  }

  serverClose(code: number, reason: string): void {
    if (!this.serverCanWrite()) return
    this.serverSent = { code, reason }
    this.send(this.down, Items.close(code, reason))
  }

  serverReset(): void {
    if (this.serverOver) return
    this.down.discard()
    this.send(this.down, Items.reset)
    this.serverEnded({ _tag: "Dropped" })
  }

  /** Lets this many more frames arrive at the server, then resets the socket. */
  cutAfter(frames: number): void {
    this.framesUntilCut = frames
  }
}
