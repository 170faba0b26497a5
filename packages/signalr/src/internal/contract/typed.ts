/** What a contract adds to handlers and streams: they see decoded values. It comes with the contract. */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { CallCodec, Fault, ValueCodec } from "../../HubCodec.ts"

type Args = ReadonlyArray<unknown>
type NonEmpty = readonly [unknown, ...Array<unknown>]

class Misfit extends /* @__PURE__ */ Data.TaggedError("Misfit")<{ readonly part: "arguments" | "answer" }> {
  override get message(): string {
    return `The client's contract does not fit: wrong ${this.part}.`
  }
}

/** A handler of what the server calls. */
export const handle =
  (decodeArguments: CallCodec["decodeArguments"], result: ValueCodec) =>
  (run: (args: Args) => Effect.Effect<unknown, unknown>) =>
  (values: Args): Effect.Effect<unknown, unknown> =>
    Effect.suspend(() => {
      const args = decodeArguments(values)
      if (Result.isFailure(args)) return Effect.fail(new Misfit({ part: "arguments" }))
      return Effect.flatMap(run(args.success), (value) => {
        if (value === undefined) return Effect.undefined
        const encoded = result.encode(value)
        return Result.isSuccess(encoded) ? Effect.succeed(encoded.success) : Effect.fail(new Misfit({ part: "answer" }))
      })
    })

/** Items by the array; the good ones before a bad one are still delivered. */
export const items =
  ({ decode }: ValueCodec) =>
  <E, E2>(
    take: Effect.Effect<NonEmpty, E | Cause.Done>,
    toError: (fault: Fault) => E2
  ): Effect.Effect<NonEmpty, E | E2 | Cause.Done> => {
    let failed: Fault | undefined
    const decodeAll = (values: NonEmpty) => {
      const good: Array<unknown> = []
      for (const value of values) {
        const decoded = decode(value)
        if (Result.isFailure(decoded)) {
          failed = decoded.failure
          break
        }
        good.push(decoded.success)
      }
      return Arr.isArrayNonEmpty(good) ? Effect.succeed(good) : Effect.fail(toError(failed!))
    }
    return Effect.suspend(() => (failed === undefined ? Effect.flatMap(take, decodeAll) : Effect.fail(toError(failed))))
  }
