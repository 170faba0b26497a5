/**
 * The body of `Requests`: a map of waiting calls, a tap that settles them, and
 * for each call one loop that sends and waits.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ConnectionError from "../../ConnectionError.ts"
import type * as Public from "../../Requests.ts"
import { attempt } from "../kit/guard.ts"
import { Waiting } from "../kit/waiting.ts"
import { RequestTimeout, SessionLost, TooManyRequests } from "./errors.ts"
import * as Check from "../model/check.ts"

/** How the last sending of a call ended. */
type Settlement<Reply, Refusal> =
  | { readonly _tag: "Replied"; readonly reply: Reply }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }
  | { readonly _tag: "Lost"; readonly epoch: number }
  | { readonly _tag: "Over" }

/** One call, until it has settled. */
class Call<Reply, Refusal> {
  readonly id: number
  /** The session that carries it, once it has been sent; `"last"` is the session that is closing. */
  epoch: number | "last" | undefined
  sent = false
  replays = 0
  private settlement: Settlement<Reply, Refusal> | undefined
  private readonly waiting = new Waiting()

  constructor(id: number) {
    this.id = id
  }

  settle(settlement: Settlement<Reply, Refusal>): void {
    this.settlement = settlement
    this.waiting.wake()
  }

  /** Waits for the settlement of the present sending. */
  readonly settled: Effect.Effect<Settlement<Reply, Refusal>> = this.waiting.until(() => {
    const settlement = this.settlement
    this.settlement = undefined
    return settlement === undefined ? undefined : Effect.succeed(settlement)
  })
}

interface Settings {
  readonly timeout: Duration.Duration
  readonly replays: number
}

const replaysOf = (onLoss: Public.OnLoss | undefined): number =>
  onLoss === undefined || onLoss === "fail" ? 0 : onLoss.replay

export class Pending<In, Out, Request, Reply, Refusal> implements Public.Requests<Request, Reply, Refusal> {
  readonly connection: string
  private readonly carrier: Public.Carrier<In, Out>
  private readonly options: Public.Options<In, Out, Request, Reply, Refusal>
  private readonly maxPending: number
  private readonly calls = new Map<number, Call<Reply, Refusal>>()
  private readonly firstId: number
  private nextId: number
  private over = false
  private lastEnded = 0
  private readonly counts = { replied: 0, refused: 0, timedOut: 0, lost: 0, replayed: 0, late: 0 }

  constructor(carrier: Public.Carrier<In, Out>, options: Public.Options<In, Out, Request, Reply, Refusal>) {
    this.carrier = carrier
    this.connection = carrier.name
    this.options = options
    this.maxPending = options.maxPending ?? 1024
    this.firstId = this.nextId = options.firstId ?? 1
  }

  readonly call = (
    request: Request,
    options?: Public.CallOptions
  ): Effect.Effect<Reply, Refusal | Public.RequestError> =>
    Effect.suspend(() => {
      if (this.over) return Effect.fail(this.closed())
      if (this.calls.size >= this.maxPending) {
        return Effect.fail(new TooManyRequests({ connection: this.connection, pending: this.calls.size }))
      }
      const call = new Call<Reply, Refusal>(this.nextId++)
      this.calls.set(call.id, call)
      const settings = {
        timeout: Check.duration(options?.timeout ?? this.options.timeout ?? "10 seconds"),
        replays: replaysOf(options?.onLoss ?? this.options.onLoss)
      }
      return this.attempt(call, request, settings).pipe(
        Effect.timeoutOrElse({
          duration: settings.timeout,
          orElse: () => Effect.suspend(() => this.timedOut(call, settings.timeout))
        }),
        Effect.ensuring(Effect.sync(() => this.calls.delete(call.id)))
      )
    })

  readonly figures = Effect.sync((): Public.Figures => ({
    ...this.counts,
    pending: this.calls.size,
    calls: this.nextId - this.firstId
  }))

  /** Whether the tap claims a message: it is a reply to one of our calls, awaited or not. */
  claim(message: In): boolean {
    const match = this.options.match(message)
    if (match === undefined) return false
    const id = Number(match.id)
    const call = this.calls.get(id)
    if (call !== undefined) {
      this.calls.delete(id)
      this.reply(call, match)
      return true
    }
    const ours = id >= this.firstId && id < this.nextId
    if (ours) this.counts.late++
    return ours
  }

  /** A session has ended: the calls that it carried get no reply. */
  ended(epoch: number): void {
    this.lastEnded = epoch
    for (const call of this.calls.values()) {
      if (call.epoch === epoch || call.epoch === "last") call.settle({ _tag: "Lost", epoch })
    }
  }

  close(): void {
    this.over = true
    for (const call of this.calls.values()) call.settle({ _tag: "Over" })
  }

  private reply(call: Call<Reply, Refusal>, match: Public.Match<Reply, Refusal>): void {
    if ("refusal" in match) {
      this.counts.refused++
      call.settle({ _tag: "Refused", refusal: match.refusal })
    } else {
      this.counts.replied++
      call.settle({ _tag: "Replied", reply: match.reply })
    }
  }

  private attempt(
    call: Call<Reply, Refusal>,
    request: Request,
    settings: Settings
  ): Effect.Effect<Reply, Refusal | Public.RequestError> {
    const loop: Effect.Effect<Reply, Refusal | Public.RequestError> = Effect.suspend(() =>
      this.send(call, request)
    ).pipe(
      Effect.andThen(call.settled),
      Effect.flatMap((settlement): Effect.Effect<Reply, Refusal | Public.RequestError> => {
        switch (settlement._tag) {
          case "Replied":
            return Effect.succeed(settlement.reply)
          case "Refused":
            return Effect.fail(settlement.refusal)
          case "Over":
            return Effect.fail(this.closed())
          case "Lost":
            return call.replays < settings.replays ? this.again(call, loop) : this.lose(call, settlement.epoch)
        }
      })
    )
    return loop
  }

  private again<A, E>(call: Call<Reply, Refusal>, loop: Effect.Effect<A, E>): Effect.Effect<A, E> {
    call.replays++
    call.epoch = undefined
    this.counts.replayed++
    return loop
  }

  private send(call: Call<Reply, Refusal>, request: Request): Effect.Effect<void, Public.RequestError> {
    const message = this.encode(call, request)
    if (message instanceof ConnectionError.EncodeError) return Effect.fail(message)
    const options = {
      lane: this.options.lane ?? "data",
      whenDown: this.options.whenDown ?? "hold",
      // The call's own timeout withdraws it.
      ttl: Duration.infinity
    }
    return Effect.andThen(
      this.carrier.send(message, options),
      Effect.sync(() => this.carried(call))
    )
  }

  private encode(call: Call<Reply, Refusal>, request: Request): Out | ConnectionError.EncodeError {
    return attempt(
      () => this.options.encode(request, call.id),
      (cause) =>
        new ConnectionError.EncodeError({
          connection: this.connection,
          issue: "the `encode` of its requests threw",
          cause: ConnectionError.foreign(cause)
        })
    )
  }

  // The session may have ended since it took the message; the call is lost with it.
  private carried(call: Call<Reply, Refusal>): void {
    call.sent = true
    const state = this.carrier.state.getUnsafe()
    if (state._tag === "Connected") call.epoch = state.epoch
    else if (state._tag === "Closing") call.epoch = "last"
    else if (this.calls.has(call.id)) call.settle({ _tag: "Lost", epoch: this.lastEnded })
  }

  private lose(call: Call<Reply, Refusal>, epoch: number): Effect.Effect<never, Public.SessionLost> {
    this.counts.lost++
    const { connection } = this
    return Effect.fail(new SessionLost({ connection, id: call.id, epoch, replays: call.replays }))
  }

  private timedOut(call: Call<Reply, Refusal>, after: Duration.Duration): Effect.Effect<never, Public.RequestTimeout> {
    this.counts.timedOut++
    return Effect.fail(new RequestTimeout({ connection: this.connection, id: call.id, after, sent: call.sent }))
  }

  private closed(): ConnectionError.NotConnected {
    return new ConnectionError.NotConnected({ connection: this.connection, state: "Closed" })
  }
}

const check = <In, Out, Request, Reply, Refusal>(
  connection: string,
  options: Public.Options<In, Out, Request, Reply, Refusal>
): ConnectionError.InvalidOptions | undefined => {
  const { onLoss } = options
  return Check.firstOf([
    Check.positive(connection, ["requests", "timeout"], options.timeout),
    Check.wholeNumber(connection, ["requests", "maxPending"], options.maxPending, 1),
    Check.wholeNumber(connection, ["requests", "firstId"], options.firstId, 0),
    onLoss === undefined || onLoss === "fail"
      ? undefined
      : Check.wholeNumber(connection, ["requests", "onLoss", "replay"], onLoss.replay, 0)
  ])
}

export const make = <In, Out, Request, Reply, Refusal>(
  connection: Public.Carrier<In, Out>,
  options: Public.Options<In, Out, Request, Reply, Refusal>
): Effect.Effect<Public.Requests<Request, Reply, Refusal>, ConnectionError.InvalidOptions, Scope.Scope> =>
  Effect.gen(function* () {
    const invalid = check(connection.name, options)
    if (invalid !== undefined) return yield* invalid
    const pending = new Pending(connection, options)
    yield* connection.tap({
      claim: (message) => pending.claim(message),
      ended: (epoch) => pending.ended(epoch)
    })
    yield* Effect.addFinalizer(() => Effect.sync(() => pending.close()))
    return pending
  })
