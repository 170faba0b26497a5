/**
 * What a process answers when others ask for names that it owns. The engine may
 * repeat a question: one with a known id gets the answer of the first time.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { ConnectionError } from "kharbranth/ConnectionError"
import type * as ConnectionManager from "kharbranth/ConnectionManager"
import type { Answer, Ask, Question } from "../engine/engine.ts"
import { ofWireFrame } from "../kit/wireFrame.ts"
import type { Names } from "../names/names.ts"
import * as Wire from "./wire.ts"

const failed = (name: string, error: ConnectionError): Answer => ({
  name,
  _tag: "Failed",
  tag: error._tag,
  message: error.message
})

const elsewhere = (name: string): Answer => ({ name, _tag: "Elsewhere" })

/** Answers by question, for a minute; bounded, the oldest go first. */
export class Answered {
  private readonly known = new Map<
    string,
    { readonly at: number; readonly answer: Deferred.Deferred<ReadonlyArray<Answer>> }
  >()
  private readonly now: () => number

  constructor(now: () => number) {
    this.now = now
  }

  once(id: string, run: Effect.Effect<ReadonlyArray<Answer>>): Effect.Effect<ReadonlyArray<Answer>> {
    return Effect.suspend(() => {
      this.forget()
      const known = this.known.get(id)
      if (known !== undefined) return Deferred.await(known.answer)
      const answer = Deferred.makeUnsafe<ReadonlyArray<Answer>>()
      this.known.set(id, { at: this.now(), answer })
      return Effect.onExit(run, (exit) => Deferred.done(answer, exit))
    })
  }

  private forget(): void {
    const old = this.now() - 60_000
    for (const [id, { at }] of this.known) {
      if (at >= old && this.known.size < 10_000) return
      this.known.delete(id)
    }
  }
}

export const answering = (names: Names, manager: ConnectionManager.Manager, now: () => number): Ask => {
  const answered = new Answered(now)

  const send = ({ epoch, frame, name, options }: Extract<Question, { readonly _tag: "Send" }>) =>
    Effect.suspend(() => {
      const open = names.find(name)
      if (open?.right.lease.epoch !== epoch) return Effect.succeed([elsewhere(name)])
      return Effect.match(manager.send(name, ofWireFrame(frame), Wire.ofWireOptions(options)), {
        onFailure: (error) => [failed(name, error)],
        // A name that moves takes along what waits: whether the next owner writes it is not known here.
        onSuccess: (): ReadonlyArray<Answer> => [names.find(name) === open ? { name, _tag: "Done" } : elsewhere(name)]
      })
    })

  const obey = (question: Extract<Question, { readonly _tag: "Command" }>) =>
    Effect.suspend(() => {
      const mine: Array<string> = []
      const others: Array<Answer> = []
      for (const name of question.names) {
        if (names.find(name) !== undefined && manager.has(name)) mine.push(name)
        else others.push(elsewhere(name))
      }
      if (mine.length === 0) return Effect.succeed(others)
      return Effect.match(manager.broadcast(Wire.ofWireCommand(question.command), mine), {
        // A name that went away in this very moment: its next owner is asked again.
        onFailure: () => question.names.map(elsewhere),
        onSuccess: (outcomes) => [
          ...others,
          ...outcomes.map(({ error, name }): Answer =>
            error === undefined ? { name, _tag: "Done" } : failed(name, error)
          )
        ]
      })
    })

  const show = (question: Extract<Question, { readonly _tag: "Snapshot" }>) =>
    Effect.map(manager.snapshot, (all) => {
      const known = new Map(all.map((snapshot) => [snapshot.name, snapshot]))
      return question.names.map((name): Answer => {
        const value = names.find(name) === undefined ? undefined : known.get(name)
        return value === undefined ? elsewhere(name) : { name, _tag: "Shown", value }
      })
    })

  return (question) => {
    // It changes nothing, and what it showed grows old.
    if (question._tag === "Snapshot") return show(question)
    return answered.once(question.id, question._tag === "Send" ? send(question) : obey(question))
  }
}
