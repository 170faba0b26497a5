/**
 * Proves that a connection shows no secret: planted in the url, its userinfo and
 * query, headers, subprotocols, messages both ways, close reasons, bodies of
 * refusals and the causes of a user's own failures, then searched for in every
 * log at every level, error, state, event, span, metric, recording, explanation and
 * printed object.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Codec from "kharbranth/Codec"
import * as Connection from "kharbranth/Connection"
import * as Heartbeat from "kharbranth/Heartbeat"
import * as Reconnect from "kharbranth/Reconnect"
import * as Recorder from "kharbranth/Recorder"
import type * as Target from "kharbranth/Target"
import * as Fault from "kharbranth/testing/Fault"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import * as Why from "kharbranth/Why"
import { inspect } from "node:util"
import * as VirtualTime from "../../src/testing/VirtualTime.ts"

const secret = /planted/i

const host = "wss://peer.example/ws"
const target = {
  url: "wss://planted-user:planted-password@peer.example/ws?token=planted-query",
  headers: { "Authorization": "Bearer planted-token", "x-key": "planted-key" },
  subprotocols: ["planted-subprotocol"]
}

class Planted extends Data.TaggedError("UserError")<{ readonly detail: string }> {}
const planted = new Planted({ detail: "planted-detail" })

/** Every way a program prints a value. */
const printed = (value: unknown): ReadonlyArray<string> => [
  inspect(value),
  inspect(value, { depth: 12, showHidden: true, getters: true }),
  String(value),
  JSON.stringify(value, (_, one: unknown) => (typeof one === "bigint" ? String(one) : one)) ?? "",
  ...(value instanceof Error ? [value.message, value.stack ?? "", Cause.pretty(Cause.fail(value))] : [])
]

class Shown {
  readonly texts: Array<readonly [where: string, text: string]> = []
  readonly spans: Array<Tracer.NativeSpan> = []
  logs = 0

  add(where: string, value: unknown): void {
    for (const text of printed(value)) this.texts.push([where, text])
  }

  readonly logger = Logger.make((entry) => {
    this.logs++
    this.texts.push(["log", Logger.formatLogFmt.log(entry)], ["log", Logger.formatJson.log(entry)])
    this.add("log message", entry.message)
    this.add("log cause", entry.cause)
  })

  readonly tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      this.spans.push(span)
      return span
    }
  })

  assertClean(): void {
    for (const span of this.spans) {
      this.add(`span ${span.name}`, [span.name, [...span.attributes], span.events, span.status])
    }
    for (const [where, text] of this.texts) {
      const found = secret.exec(text)
      if (found !== null) assert.fail(`${where} shows ${text.slice(Math.max(0, found.index - 60), found.index + 60)}`)
    }
  }
}

type Options = Partial<Connection.Options<typeof Codec.text, Target.Input<unknown>, never>>

interface Story {
  readonly options?: Options | undefined
  readonly script?: TestNetwork.Script | undefined
  readonly serve?: TestNetwork.ServeOptions | undefined
  readonly faults?: ReadonlyArray<Fault.Fault> | undefined
  readonly user?: ((connection: Connection.Connection<string, string>) => Effect.Effect<unknown, unknown>) | undefined
}

const observe = (shown: Shown, connection: Connection.Connection<string, string>) =>
  Effect.all([
    Effect.forkChild(Stream.runForEach(connection.events, (event) => Effect.sync(() => shown.add("event", event)))),
    Effect.forkChild(
      Stream.runForEach(connection.state.changes, (state) => Effect.sync(() => shown.add("state", state)))
    )
  ])

const noteFailure = (shown: Shown, where: string) => (exit: Exit.Exit<unknown, unknown>) => {
  if (Exit.isFailure(exit)) {
    shown.add(where, exit)
    shown.add(where, Cause.squash(exit.cause))
  }
}

const tell = (story: Story, shown: Shown) =>
  Effect.gen(function* () {
    const network = yield* TestNetwork.make({ latency: 5 })
    yield* network.serve(host, story.script, { subprotocols: ["planted-subprotocol"], ...story.serve })
    for (const fault of story.faults ?? []) yield* network.inject(fault)
    yield* Effect.gen(function* () {
      const made = yield* Effect.exit(
        Connection.make("peer", { target, codec: Codec.text, startup: "background", ...(story.options as object) })
      )
      noteFailure(shown, "make")(made)
      if (Exit.isFailure(made)) return
      const connection = made.value
      const recorder = yield* Recorder.Recorder
      yield* observe(shown, connection)
      const user = yield* Effect.forkChild(Effect.exit(story.user?.(connection) ?? connection.awaitReady))
      yield* Effect.sleep("45 seconds")
      shown.add("connection", connection)
      shown.add("metrics", yield* Connection.metrics(connection))
      shown.add("recording", yield* Stream.mkString(recorder.dump()))
      const recording = Option.getOrThrow(yield* recorder.of("peer"))
      shown.add("explanation", Why.explain(recording))
      shown.add("explanation", Why.print(Why.explain(recording)))
      user.interruptUnsafe()
      noteFailure(shown, "stream")(yield* Effect.exit(Effect.timeoutOption(Stream.runDrain(connection.stream), 1000)))
    }).pipe(Effect.provide(Recorder.layer({ steps: 1000 })), network.provide, Effect.scoped)
  })

const shownBy = async (story: Story): Promise<Shown> => {
  const shown = new Shown()
  const exit = await VirtualTime.run(
    Effect.scoped(tell(story, shown)).pipe(
      Random.withSeed(1),
      Effect.provideService(References.MinimumLogLevel, "All"),
      Effect.provideService(Tracer.Tracer, shown.tracer),
      Effect.provide(Layer.fresh(Logger.layer([shown.logger])))
    )
  )
  if (Exit.isFailure(exit)) throw new Error(Cause.pretty(exit.cause))
  return shown
}

const chatter = (peer: TestNetwork.Peer) =>
  peer.listen({ frame: (frame) => void peer.sendUnsafe([`planted answer to ${String(frame)}`]) })

const reconnect = Reconnect.make({ classify: () => Reconnect.stop })

const stories: Readonly<Record<string, Story>> = {
  "a healthy life": {
    script: chatter,
    user: (connection) =>
      Effect.gen(function* () {
        yield* connection.send("planted message")
        yield* Effect.forkChild(Effect.flatten(Connection.track(connection, "planted order", { key: "planted" })))
        yield* Connection.ping(connection)
        yield* connection.restart({ mode: "makeFirst", reason: "a test" })
        yield* connection.receive
      })
  },
  "a close with a reason": { script: (peer) => peer.close(4001, "planted-reason") },
  "a refusal with a body": {
    serve: {
      answer: () =>
        Effect.succeed(TestNetwork.reject(401, { body: "planted-body", headers: { "www-authenticate": "planted" } }))
    }
  },
  "giving up": { faults: [Fault.refuse()], options: { reconnect } },
  "a failed certificate": { faults: [Fault.tlsFailure()] },
  "a dial that hangs": { faults: [Fault.hang()] },
  "a dead socket": {
    script: chatter,
    user: (connection) => connection.send("planted"),
    options: { heartbeat: Heartbeat.ping({ every: 1000, timeout: 500 }) },
    faults: [Fault.mutePongs()]
  },
  "a target that fails": { options: { target: { url: Effect.fail(planted) } } },
  "a target that dies": { options: { target: { url: Effect.die(planted) } } },
  "a target that is wrong": { options: { target: { url: Effect.succeed("planted nonsense") } } },
  "a bad option": { options: { target: { url: host, headers: { authorization: "planted\n" } } } },
  "an onOpen that fails": { options: { onOpen: () => Effect.fail(planted) } },
  "an onOpen that dies": { options: { onOpen: () => Effect.die(planted) } },
  "hooks that fail": {
    script: chatter,
    options: { hooks: { onOpen: () => Effect.fail(planted), onText: () => Effect.die(planted) } },
    user: (connection) => connection.send("planted")
  },
  "a message that does not decode": {
    script: (peer) => Effect.sync(() => peer.sendUnsafe(["{planted"])),
    options: { codec: Codec.json as never }
  },
  "a message that does not encode": {
    options: { codec: Codec.json as never },
    user: (connection) => connection.send({ planted: 1n } as never)
  },
  "messages that expire": {
    faults: [Fault.refuse()],
    user: (connection) => connection.send("planted message", { ttl: 1000 })
  }
}

describe("no secret is shown by", () => {
  for (const [name, story] of Object.entries(stories)) {
    it(name, async () => {
      const shown = await shownBy(story)
      assert.isAbove(shown.texts.length, 5)
      shown.assertClean()
    })
  }

  it("any of these stories, though they log and trace", async () => {
    const all = await Promise.all([stories["a healthy life"]!, stories["giving up"]!].map(shownBy))
    for (const { logs, spans } of all) {
      assert.isAbove(logs, 0)
      assert.isAbove(spans.length, 0)
    }
  })

  it("but the search would find one", () => {
    const shown = new Shown()
    shown.add("error", new Error("Bearer planted-token"))
    assert.throws(() => shown.assertClean(), /shows/)
  })
})
