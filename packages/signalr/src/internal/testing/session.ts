/**
 * One client of the test hub server, above any transport: handshake, calls,
 * streams both ways, questions to the client, keep-alive and stateful
 * reconnect. Bytes come in through `receive` and leave through the `Pipe` that
 * is attached at the time.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import type { Frame } from "kharbranth/Message"
import type { HubMessage, Invocation, Outcome, StreamInvocation } from "../../HubMessage.ts"
import * as HubMessages from "../../HubMessage.ts"
import type { Decoder, HubProtocol } from "../../HubProtocol.ts"
import type { MessageBuffer } from "../channel/messageBuffer.ts"
import * as messageBuffer from "../channel/messageBuffer.ts"
import { ackDelay } from "../channel/statefulDefaults.ts"
import { separator } from "../protocol/textSplitter.ts"
import type { HandshakeReader } from "./handshake.ts"
import { makeHandshakeReader } from "./handshake.ts"
import * as texts from "./errorTexts.ts"
import type { Call, Handlers } from "./handlers.ts"
import { HubException } from "./handlers.ts"

/** The way out: one open socket, event stream or poll. */
export interface Pipe {
  write(frame: Frame): void
  /** Ends it politely. */
  close(): void
  /** Cuts it without a word. */
  cut(): void
}

export interface SessionOptions {
  readonly connectionId: string
  readonly user: string | undefined
  readonly protocols: ReadonlyArray<HubProtocol>
  readonly handlers: Handlers
  readonly stateful: boolean
  readonly bufferSize: number
  readonly journal: (entry: string) => void
  readonly fork: (effect: Effect.Effect<unknown>) => Fiber.Fiber<unknown>
  readonly ended: () => void
}

type Upload = Queue.Queue<unknown, HubException | Cause.Done>

export class Session {
  readonly options: SessionOptions
  readonly received: Array<HubMessage> = []
  readonly ready = Deferred.makeUnsafe<void>()
  private pipe: Pipe | undefined
  private protocol: HubProtocol | undefined
  private decoder: Decoder | undefined
  private readonly handshake: HandshakeReader
  private ended = false
  private readonly buffer: MessageBuffer | undefined
  private readonly running = new Map<string, Fiber.Fiber<unknown>>()
  private readonly uploads = new Map<string, Upload>()
  private readonly questions = new Map<string, Deferred.Deferred<unknown, HubException>>()
  private nextQuestion = 1
  private ackTimer: Fiber.Fiber<unknown> | undefined

  constructor(options: SessionOptions) {
    this.options = options
    this.handshake = makeHandshakeReader(options.protocols)
    this.buffer = options.stateful ? messageBuffer.make(options.bufferSize) : undefined
  }

  isReady(): boolean {
    return this.protocol !== undefined && !this.ended
  }

  isEnded(): boolean {
    return this.ended
  }

  /** A transport is open. For a stateful session that lost one, this is the resume. */
  attach(pipe: Pipe): void {
    const previous = this.pipe
    this.pipe = pipe
    if (this.protocol === undefined || this.buffer === undefined) return
    previous?.cut()
    // A half-read message of the old socket has no second half.
    this.decoder = this.protocol.decoder({ connection: "test server" })
    this.buffer.lost()
    const { frames, sequenceId } = this.buffer.resume()
    this.write(HubMessages.sequence(sequenceId))
    for (const frame of frames) pipe.write(frame)
  }

  /** The transport is gone. A stateful session waits for the next one when it was cut. */
  detach(pipe: Pipe, clean: boolean): void {
    if (this.pipe !== pipe) return
    this.pipe = undefined
    if (this.buffer !== undefined && this.protocol !== undefined && !clean) {
      this.buffer.lost()
      return
    }
    this.end()
  }

  /** Bytes from the client. */
  receive(frame: Frame): void {
    if (this.ended) return
    if (this.protocol === undefined) return this.shakeHands(frame)
    const decoded = this.decoder!.push(frame)
    for (const message of decoded.messages) this.accept(message)
    if (decoded.error !== undefined) this.violated()
  }

  send(message: HubMessage): void {
    if (this.ended || this.protocol === undefined) return
    const frame = Result.getOrThrow(this.protocol.encode(message))
    const write = this.buffer === undefined || !HubMessages.isTracked(message) || this.buffer.send(frame).write
    if (write) this.pipe?.write(frame)
  }

  raw(frame: Frame): void {
    this.pipe?.write(frame)
  }

  cut(): void {
    this.pipe?.cut()
  }

  close(error?: string, allowReconnect = false): void {
    this.write(HubMessages.close(error, allowReconnect))
    this.end()
  }

  /** Asks the client, and waits for its answer. */
  ask(target: string, args: ReadonlyArray<unknown>): Effect.Effect<unknown, HubException> {
    return Effect.suspend(() => {
      const invocationId = `s${this.nextQuestion++}`
      const answer = Deferred.makeUnsafe<unknown, HubException>()
      this.questions.set(invocationId, answer)
      this.send(HubMessages.invocation({ target, arguments: args, invocationId }))
      return Effect.ensuring(
        Deferred.await(answer),
        Effect.sync(() => this.questions.delete(invocationId))
      )
    })
  }

  end(): void {
    if (this.ended) return
    this.ended = true
    this.pipe?.close()
    this.options.journal(`disconnected ${this.options.connectionId}`)
    for (const fiber of this.running.values()) this.options.fork(Fiber.interrupt(fiber))
    for (const upload of this.uploads.values()) Queue.shutdownUnsafe(upload)
    for (const question of this.questions.values()) {
      Deferred.doneUnsafe(question, Effect.fail(new HubException("Connection disconnected.")))
    }
    if (this.ackTimer !== undefined) this.options.fork(Fiber.interrupt(this.ackTimer))
    this.options.ended()
  }

  private write(message: HubMessage): void {
    if (this.protocol !== undefined) this.pipe?.write(Result.getOrThrow(this.protocol.encode(message)))
  }

  private violated(): void {
    this.close("Connection closed with an error.", true)
  }

  private shakeHands(frame: Frame): void {
    const step = this.handshake.push(frame)
    if (step === undefined) return
    if (step._tag === "Refused") {
      this.pipe?.write(JSON.stringify({ error: step.error }) + separator)
      return this.end()
    }
    this.protocol = step.protocol
    this.decoder = step.protocol.decoder({ connection: "test server" })
    const yes = `{}${separator}`
    this.pipe?.write(step.protocol.transferFormat === "Text" ? yes : new TextEncoder().encode(yes))
    this.options.journal(`connected ${this.options.connectionId}`)
    Deferred.doneUnsafe(this.ready, Effect.void)
    if (step.rest.length > 0) this.receive(step.rest)
  }

  private accept(message: HubMessage): void {
    if (this.ended) return
    if (this.buffer !== undefined) {
      const verdict = this.buffer.receive(message)
      if (this.buffer.ackPending()) this.scheduleAck()
      if (verdict === "tooHigh") return this.violated()
      if (verdict !== "deliver") return
    }
    this.received.push(message)
    this.dispatch(message)
  }

  private scheduleAck(): void {
    if (this.ackTimer !== undefined) return
    const say = Effect.sync(() => {
      this.ackTimer = undefined
      const sequenceId = this.buffer?.takeAck()
      if (sequenceId !== undefined) this.write(HubMessages.ack(sequenceId))
    })
    this.ackTimer = this.options.fork(Effect.andThen(Effect.sleep(ackDelay), say))
  }

  private dispatch(message: HubMessage): void {
    switch (message._tag) {
      case "Invocation":
        return this.invoke(message)
      case "StreamInvocation":
        return this.stream(message)
      case "StreamItem":
        return this.item(message.invocationId, message.item)
      case "Completion":
        return this.completed(message.invocationId, message.outcome)
      case "CancelInvocation": {
        const fiber = this.running.get(message.invocationId)
        if (fiber !== undefined) this.options.fork(Fiber.interrupt(fiber))
        return
      }
      case "Close":
        return this.close()
      default:
        return
    }
  }

  private item(id: string, item: unknown): void {
    const upload = this.uploads.get(id)
    if (upload !== undefined) Queue.offerUnsafe(upload, item)
  }

  private completed(id: string, outcome: Outcome): void {
    const upload = this.uploads.get(id)
    if (upload !== undefined) {
      this.uploads.delete(id)
      if (outcome._tag === "Error") Queue.failCauseUnsafe(upload, Cause.fail(new HubException(outcome.error)))
      else Queue.endUnsafe(upload)
      return
    }
    const question = this.questions.get(id)
    if (question === undefined) return
    const answer =
      outcome._tag === "Error"
        ? Effect.fail(new HubException(outcome.error))
        : Effect.succeed(outcome._tag === "Value" ? outcome.value : undefined)
    Deferred.doneUnsafe(question, answer)
  }

  private callOf(message: Invocation | StreamInvocation): Call {
    const uploads = message.streamIds.map((id) => {
      const queue: Upload = Effect.runSync(Queue.unbounded<unknown, HubException | Cause.Done>())
      this.uploads.set(id, queue)
      return Stream.fromQueue(queue)
    })
    return {
      connectionId: this.options.connectionId,
      user: this.options.user,
      format: this.protocol?.transferFormat ?? "Text",
      args: message.arguments,
      uploads,
      send: (target, ...args) => Effect.sync(() => this.send(HubMessages.invocation({ target, arguments: args }))),
      ask: (target, ...args) => this.ask(target, args),
      abort: Effect.sync(() => this.close())
    }
  }

  private finish(message: Invocation | StreamInvocation, outcome: Outcome): void {
    for (const id of message.streamIds) this.uploads.delete(id)
    if (message.invocationId !== undefined) this.send(HubMessages.completion(message.invocationId, outcome))
  }

  private fail(message: Invocation | StreamInvocation, error: string): void {
    this.finish(message, { _tag: "Error", error })
  }

  private invoke(message: Invocation): void {
    const { handlers } = this.options
    const method = handlers.method(message.target)
    if (method === undefined) {
      const stream = handlers.stream(message.target)
      return this.fail(message, stream === undefined ? texts.noSuchMethod(message.target) : texts.isStream(stream.name))
    }
    const program = Effect.matchCause(method.run(this.callOf(message)), {
      onFailure: (cause) => this.fail(message, texts.methodFailed(method.name, cause)),
      onSuccess: (value) => this.finish(message, { _tag: "Value", value: value ?? null })
    })
    this.options.fork(program)
  }

  private stream(message: StreamInvocation): void {
    const { handlers } = this.options
    const stream = handlers.stream(message.target)
    if (stream === undefined) {
      const method = handlers.method(message.target)
      return this.fail(
        message,
        method === undefined ? texts.noSuchMethod(message.target) : texts.isNoStream(method.name)
      )
    }
    const id = message.invocationId
    const program = stream.run(this.callOf(message)).pipe(
      Stream.runForEach((item) => Effect.sync(() => this.send(HubMessages.streamItem(id, item)))),
      Effect.matchCause({
        onFailure: (cause) => this.fail(message, texts.streamFailed(stream.name, cause)),
        onSuccess: () => this.finish(message, HubMessages.nothing)
      }),
      Effect.onInterrupt(() => Effect.sync(() => this.finish(message, HubMessages.nothing))),
      Effect.ensuring(Effect.sync(() => this.running.delete(id)))
    )
    this.running.set(id, this.options.fork(program))
  }
}
