/**
 * The connection that users hold: every part of it is made when it is asked
 * for, so that ten thousand that nobody touches cost a reference each.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import type * as Connection from "../../../Connection.ts"
import * as Check from "../../model/check.ts"
import * as Reading from "./read.ts"
import { awaitReady } from "./ready.ts"
import * as Sending from "./send.ts"
import * as Steering from "./steer.ts"
import type { Supervisor } from "../run/supervisor.ts"

type Part<In, Out, K extends keyof Connection.Connection<In, Out>> = Connection.Connection<In, Out>[K]

// The parts are getters, not methods: users take a connection apart.
export class Handle<In, Out> implements Connection.Connection<In, Out> {
  readonly #self: Supervisor<In, Out>

  constructor(self: Supervisor<In, Out>) {
    this.#self = self
  }

  /** What is behind a connection, for the functions that stand apart from it: a program carries those it uses. */
  static inside<In, Out>(connection: Connection.Connection<In, Out>): Supervisor<In, Out> {
    return (connection as Handle<In, Out>).#self
  }

  get name(): string {
    return this.#self.connection
  }

  get stream(): Part<In, Out, "stream"> {
    return stated(
      this.#self,
      Reading.reading(this.#self, (inbox) => inbox.take())
    )
  }

  get entries(): Part<In, Out, "entries"> {
    return stated(
      this.#self,
      Reading.reading(this.#self, (inbox) => inbox.takeEntries())
    )
  }

  get receive(): Part<In, Out, "receive"> {
    return Reading.receive(this.#self)
  }

  get tap(): Part<In, Out, "tap"> {
    return (tapped) => Reading.tap(this.#self, tapped)
  }

  get sink(): Part<In, Out, "sink"> {
    const self = this.#self
    return stated(
      self,
      Sink.forEachArray((messages: ReadonlyArray<Out>) => Sending.sendAll(self, messages))
    )
  }

  get send(): Part<In, Out, "send"> {
    const self = this.#self
    return (message, options) => Sending.send(self, message, options)
  }

  get state(): Part<In, Out, "state"> {
    return this.#self.state
  }

  get awaitReady(): Part<In, Out, "awaitReady"> {
    return awaitReady(this.#self)
  }

  get events(): Part<In, Out, "events"> {
    return this.#self.reports.events.stream(1024)
  }

  get probe(): Part<In, Out, "probe"> {
    return ({ deadline, reason = "asked for" } = {}) =>
      Effect.sync(() =>
        this.#self.active?.liveness?.suspect(
          reason,
          deadline === undefined ? undefined : Duration.toMillis(Check.duration(deadline))
        )
      )
  }

  get restart(): Part<In, Out, "restart"> {
    return (options) => Steering.restart(this.#self, options)
  }

  get rotate(): Part<In, Out, "rotate"> {
    const mode = this.#self.rotationMode
    return (options) => this.restart({ mode, reason: options?.reason })
  }

  get pause(): Part<In, Out, "pause"> {
    return Effect.sync(() => this.#self.dispatch({ _tag: "Pause", by: "user" }))
  }

  get resume(): Part<In, Out, "resume"> {
    return Effect.sync(() => this.#self.dispatch({ _tag: "Resume", by: "user" }))
  }

  get close(): Part<In, Out, "close"> {
    return Steering.close(this.#self)
  }
}

/** One end of a connection, with its state. */
const stated = <End extends object>({ state }: Connection.Stated, end: End): End & Connection.Stated =>
  Object.assign(end, { state })

/** Whether the first argument of a dual function is the connection. */
export const isSelf = (args: ArrayLike<unknown>): boolean => args[0] instanceof Handle
