/**
 * The storm: fifty feeds of a server that misbehaves, one verdict. Run it with
 * `npx -y pnpm@12 demo:storm`; `--sabotage` hides the gaps, so that the verdict must
 * fail; `--seed n` draws another storm.
 */
import { type ChildProcess, fork } from "node:child_process"
import { parseArgs } from "node:util"
import * as NodeTransport from "@kharbranth/node/NodeTransport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import { runDemo } from "../terminal.ts"
import * as Dashboard from "./dashboard.ts"
import * as Feeds from "./feeds.ts"
import { Ledger } from "./ledger.ts"
import * as Screen from "./screen.ts"
import * as Storm from "./storm.ts"
import { now } from "./time.ts"
import type { FromProcess, ToProcess } from "./wire.ts"

const { values } = parseArgs({
  options: { sabotage: { type: "boolean", default: false }, seed: { type: "string", default: "7" } }
})

const duration = 20_000

/** The server's process, for as long as the scope lives. */
const server = Effect.acquireRelease(
  Effect.sync(() => fork(new URL("server.ts", import.meta.url), { stdio: ["ignore", "inherit", "inherit", "ipc"] })),
  (child) =>
    Effect.callback<void>((resume) => {
      if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
      child.once("exit", () => resume(Effect.void))
      child.disconnect()
    })
)

const answer = <Tag extends FromProcess["_tag"]>(child: ChildProcess, tag: Tag) =>
  Effect.callback<Extract<FromProcess, { readonly _tag: Tag }>>((resume) => {
    const listen = (message: FromProcess) => {
      if (message._tag !== tag) return
      child.off("message", listen)
      resume(Effect.succeed(message as Extract<FromProcess, { readonly _tag: Tag }>))
    }
    child.on("message", listen)
  })

const until = (condition: Effect.Effect<boolean>, deadline: number) =>
  condition.pipe(
    Effect.flatMap((holds) => (holds ? Effect.void : Effect.andThen(Effect.sleep("50 millis"), Effect.fail("again")))),
    Effect.eventually,
    Effect.timeoutOption(deadline)
  )

const demo = (screen: Screen.Screen) =>
  Effect.gen(function* () {
    const ledger = new Ledger()
    const slow = new Set<string>()
    let trading = true
    const child = yield* server
    const tell = (message: ToProcess) => child.send(message)
    const { ports } = yield* answer(child, "ready")
    const dashboard = yield* Dashboard.make(screen, ledger, duration)
    const desk = yield* Feeds.open({
      ledger,
      ports,
      slow,
      sabotage: values.sabotage,
      trading: () => trading,
      onRestart: (feed) => dashboard.say(`${feed} is silent: restarted from outside`)
    })
    yield* until(desk.settled, 10_000)
    dashboard.say("fifty feeds are connected and subscribed")
    const start = now()
    for (const blow of Storm.draw(Number(values.seed))) {
      yield* Effect.sleep(Math.max(0, start + blow.at - now()))
      const { trouble } = blow
      dashboard.blow(blow)
      if (trouble._tag !== "slowReader") tell({ _tag: "trouble", trouble })
      else {
        for (const feed of trouble.feeds) slow.add(feed)
        yield* Effect.forkScoped(
          Effect.delay(
            Effect.sync(() => slow.clear()),
            trouble.millis
          )
        )
      }
    }
    yield* Effect.sleep(Math.max(0, start + duration - now()))
    trading = false
    dashboard.say("the storm is over: everything comes to rest")
    yield* until(desk.settled, 15_000)
    yield* until(
      Effect.sync(() => ledger.openOrders === 0),
      10_000
    )
    tell({ _tag: "finish" })
    const { orders, published } = yield* answer(child, "report")
    yield* until(
      Effect.sync(() => ledger.isComplete(published)),
      5000
    )
    return ledger.verdict(published, new Set(orders), (topic) => topic.slice(0, topic.lastIndexOf(":")))
  }).pipe(Effect.scoped)

// The screen says all there is to say.
const live = Layer.merge(ConnectionManager.layer().pipe(Layer.provide(NodeTransport.layer)), Logger.layer([]))

const screen = Screen.make(process.stdout)
await runDemo(
  Effect.provide(demo(screen), live),
  () => screen.close(),
  (verdict, left) => {
    process.stdout.write(Screen.verdictText(verdict, left))
    return verdict.passed
  }
)
