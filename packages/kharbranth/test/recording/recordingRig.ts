// A recorded connection on a network of its own, in virtual time.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Recorder from "kharbranth/Recorder"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import { run, url } from "../support/virtual.ts"

export interface World {
  readonly network: TestNetwork.TestNetwork
  readonly connection: Connection.Connection<string, string>
  readonly recording: Effect.Effect<Recorder.Recording>
}

export interface Setting {
  readonly options?: object
  readonly recorder?: Recorder.Options
  readonly network?: TestNetwork.Options
  readonly script?: TestNetwork.Script
}

/** The recording of a connection by name. */
export const recordingOf = (name: string) =>
  Effect.flatMap(Recorder.Recorder, (recorder) => Effect.map(recorder.of(name), Option.getOrThrow))

type Story<A, E> = (world: World) => Effect.Effect<A, E, Scope.Scope | Recorder.Recorder>

export const recorded = <A, E>(setting: Setting, story: Story<A, E>): Promise<A> =>
  recordedOn(setting, (network) => network.serve(url, setting.script), story)

/** With servers of its own. */
export const recordedOn = <A, E>(
  setting: Setting,
  serve: (network: TestNetwork.TestNetwork) => Effect.Effect<unknown>,
  story: Story<A, E>
): Promise<A> =>
  run(
    Effect.gen(function* () {
      const network = yield* TestNetwork.make({ latency: 10, ...setting.network })
      yield* serve(network)
      const recording = recordingOf("feed")
      // The story is told outside of the client's process, which may be suspended.
      const context = yield* Layer.build(Recorder.layer(setting.recorder))
      const connection: Connection.Connection<string, string> = yield* Connection.make("feed", {
        target: url,
        codec: Codec.text,
        startup: "background",
        ...setting.options
      }).pipe(Effect.provideContext(context), network.provide)
      return yield* Effect.provideContext(
        story({ network, connection, recording: Effect.provideContext(recording, context) }),
        context
      )
    })
  )

/** The entries from the first cause of an entry to the entry itself. */
export const chainTo = (recording: Recorder.Recording, last: Recorder.Entry): ReadonlyArray<Recorder.Entry> => {
  const cause = recording.entries.find(({ seq }) => seq === last.because)
  return cause === undefined ? [last] : [...chainTo(recording, cause), last]
}
