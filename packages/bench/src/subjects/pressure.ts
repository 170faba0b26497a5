/**
 * A consumer that is too slow for a flood, and a server that does not read:
 * how many bytes wait, and whether memory stays flat.
 */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Connection from "kharbranth/Connection"
import type * as ConnectionMetrics from "kharbranth/ConnectionMetrics"
import * as Kharbranth from "./kharbranth.ts"

export interface Params {
  readonly url: string
  readonly millis: number
}

export interface Result {
  readonly maxBytes: number
  /** How much the resident set's peak grew from the first third of the run to the last, in MiB. */
  readonly rssGrowthMiB: number
  /** Messages that went through. */
  readonly count: number
}

const samplingMillis = 5
/** Together they want to send more than the outbox may hold. */
const senders = 6_000

const watch = Effect.fnUntraced(function* (
  connection: Kharbranth.Text,
  millis: number,
  bytesOf: (metrics: ConnectionMetrics.ConnectionMetrics) => number
) {
  let maxBytes = 0
  const peaks = [0, 0, 0]
  const started = performance.now()
  const sample = Effect.map(Connection.metrics(connection), (metrics) => {
    maxBytes = Math.max(maxBytes, bytesOf(metrics))
    const third = Math.min(2, Math.floor(((performance.now() - started) / millis) * 3))
    peaks[third] = Math.max(peaks[third]!, process.memoryUsage.rss())
  })
  yield* Effect.repeat(sample, Schedule.upTo(Schedule.spaced(samplingMillis), { duration: millis }))
  return { maxBytes, rssGrowthMiB: (peaks[2]! - peaks[0]!) / 1_048_576 }
})

const slowConsumer = ({ millis, url }: Params): Promise<Result> =>
  Kharbranth.run(
    Effect.gen(function* () {
      const connection = yield* Kharbranth.connect(url)
      let count = 0
      const slowly = Stream.runForEachArray(connection.stream, (batch) => {
        count += batch.length
        return Effect.sleep(50)
      })
      yield* Effect.forkScoped(slowly)
      const seen = yield* watch(connection, millis, ({ inbox }) => inbox.bytes)
      return { ...seen, count }
    })
  )

const slowServer = ({ millis, url }: Params): Promise<Result> =>
  Kharbranth.run(
    Effect.gen(function* () {
      const connection = yield* Kharbranth.connect(url, { heartbeat: Heartbeat.none })
      const message = "x".repeat(4_096)
      let count = 0
      const sender = Effect.gen(function* () {
        while (true) {
          yield* connection.send(message)
          count += 1
        }
      })
      yield* Effect.forEach(Array.from({ length: senders }), () => Effect.forkScoped(sender), { discard: true })
      const seen = yield* watch(connection, millis, ({ outbox }) => outbox.bytes)
      return { ...seen, count }
    })
  )

export const measure = (subject: string, params: Params): Promise<Result> =>
  subject === "slow consumer" ? slowConsumer(params) : slowServer(params)
