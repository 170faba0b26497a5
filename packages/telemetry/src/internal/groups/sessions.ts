/** Reports single sessions, where you ask for it: one line in the log, and one long span. */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import type { Observed } from "kharbranth/ConnectionObserver"
import { errorTypeOf, type MemberFleet, type SessionEnd } from "./member.ts"

export interface SessionOptions {
  readonly sessionLog: boolean
  readonly sessionSpan: boolean
}

const log = (context: Context.Context<never>, end: SessionEnd): void => {
  const annotations = {
    "event.name": "kharbranth.session.end",
    "kharbranth.connection": end.connection,
    "kharbranth.epoch": end.epoch,
    "kharbranth.session.duration": end.lived,
    "kharbranth.unconfirmed": end.unconfirmed,
    ...errorTypeOf(end.error)
  }
  Effect.runForkWith(context)(Effect.annotateLogs(Effect.logInfo(`session ${end.epoch} ended`), annotations))
}

const begin = (context: Context.Context<never>, connection: Observed, epoch: number) => {
  const clock = Context.get(context, Clock.Clock)
  const span = Context.get(context, Tracer.Tracer).span({
    name: "kharbranth.session",
    parent: Option.none(),
    annotations: Context.empty(),
    links: [],
    startTime: clock.currentTimeNanosUnsafe(),
    kind: "client",
    root: true,
    sampled: true
  })
  span.attribute("kharbranth.connection", connection.name)
  span.attribute("kharbranth.epoch", epoch)
  return (end: SessionEnd): void => {
    const type = errorTypeOf(end.error)["error.type"]
    if (type !== undefined) span.attribute("error.type", type)
    span.end(clock.currentTimeNanosUnsafe(), type === undefined ? Exit.void : Exit.failCause(Cause.fail(end.error)))
  }
}

/** `undefined` costs a session nothing. */
export const sessionBegan =
  (context: Context.Context<never>, { sessionLog, sessionSpan }: SessionOptions): MemberFleet["sessionBegan"] =>
  (connection, epoch) => {
    if (!sessionLog && !sessionSpan) return undefined
    const endSpan = sessionSpan ? begin(context, connection, epoch) : undefined
    return (end) => {
      endSpan?.(end)
      if (sessionLog) log(context, end)
    }
  }
