/**
 * Proves that the lifecycle does what the committed table
 * `lifecycle.table.md` says in every phase for every input, that single rules
 * hold as written down here by hand, and that no sequence of inputs, sensible or
 * not, breaks an invariant. Reducers with one bug each show that the
 * invariants bite.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { initial, publicState, reduce } from "../../src/internal/lifecycle/reduce.ts"
import type { Command, Input, Phase, State } from "../../src/internal/lifecycle/reduce.ts"
import * as Reconnect from "../../src/Reconnect.ts"
import { Broken } from "./lifecycleMonitor.ts"
import { mutants } from "./lifecycleMutants.ts"
import {
  config,
  dropped,
  ended,
  hung,
  inputsFor,
  invalid,
  live,
  opened,
  overflowed,
  pause,
  ready,
  reconfigured,
  restart,
  resume,
  rotationDue,
  run,
  settled,
  simple,
  stable,
  start,
  stepped,
  table,
  two,
  variants,
  withdraw
} from "./lifecycleTable.ts"
import { walk } from "./lifecycleWalk.ts"
import type { Reduce, Style, Walk } from "./lifecycleWalk.ts"

const phases: Record<Phase["_tag"], true> = {
  Idle: true,
  Dialing: true,
  Live: true,
  Deciding: true,
  Waiting: true,
  Closing: true,
  Closed: true,
  Failed: true
}

const inputs: Record<Input["_tag"], true> = {
  Start: true,
  Opened: true,
  Ready: true,
  Stable: true,
  Ended: true,
  Stepped: true,
  Exhausted: true,
  RetryDue: true,
  Woke: true,
  Restart: true,
  RotationDue: true,
  Withdraw: true,
  Hung: true,
  Reconfigured: true,
  Pause: true,
  Resume: true,
  Close: true,
  Fail: true
}

const cells = Object.keys(phases)
  .flatMap((phase) => Object.keys(inputs).map((input) => `${phase} ${input}`))
  .toSorted()

describe("lifecycle table", () => {
  it("is what the committed file says", () => {
    const file = new URL("lifecycle.table.md", import.meta.url)
    const text = table()
    if (process.env["UPDATE_TABLE"] === "1") writeFileSync(file, text)
    assert.isTrue(existsSync(file), "run with UPDATE_TABLE=1 once")
    const committed = readFileSync(file, "utf8").split("\n")
    text.split("\n").forEach((line, at) => assert.strictEqual(line, committed[at], `line ${at + 1}`))
    assert.strictEqual(text, committed.join("\n"))
  })

  it("exercises every cell", () => {
    const seen = new Set(
      variants.flatMap((variant) => {
        const state = run(variant.inputs, variant.config)
        return inputsFor(state).map(([, input]) => `${state.phase._tag} ${input._tag}`)
      })
    )
    assert.deepStrictEqual([...seen].toSorted(), cells)
  })
})

// ---- rules by hand ----

const commandsOf = (state: State, input: Input): ReadonlyArray<Command> => reduce(state, input, 1000)[1]

const only = <Tag extends Command["_tag"]>(
  commands: ReadonlyArray<Command>,
  tag: Tag
): Extract<Command, { readonly _tag: Tag }> => {
  const found = commands.filter((command) => command._tag === tag)
  assert.strictEqual(found.length, 1, `exactly one ${tag}`)
  return found[0] as Extract<Command, { readonly _tag: Tag }>
}

const tags = (commands: ReadonlyArray<Command>): ReadonlyArray<string> =>
  commands.map((command) => (command._tag === "Emit" ? command.event._tag : command._tag))

describe("lifecycle rules", () => {
  it("a wait is the floor plus the schedule's step, and the state says until when", () => {
    const deciding = run([...live, ended(1, Reconnect.retryAfter("2 seconds"))])
    const [waiting, commands] = reduce(deciding, stepped(300), 5000)
    assert.strictEqual(only(commands, "Wait").delay, 2300)
    const { event } = only(commands, "Emit")
    assert.strictEqual(event._tag === "RetryScheduled" && Duration.toMillis(event.delay), 2300)
    const seen = publicState(waiting)
    assert.strictEqual(seen._tag === "Reconnecting" && seen.nextRetryAt, 7300)
  })

  it("a withdrawn successor is dropped, and the next doubt may dial another", () => {
    const doubted = run([...settled, restart("makeFirst", "auto"), opened(2)])
    const [state, commands] = reduce(doubted, withdraw(2), 1000)
    assert.deepStrictEqual(only(commands, "EndSession"), { _tag: "EndSession", epoch: 2, how: "drop" })
    assert.deepStrictEqual(tags(commands), ["EndSession", "SuccessorFailed"])
    assert.strictEqual(publicState(state)._tag, "Connected")
    assert.deepStrictEqual(tags(commandsOf(state, restart("makeFirst", "auto"))), [
      "RestartRequested",
      "DialStarted",
      "Dial"
    ])
  })

  it("a refresh is asked for once until Stable, then the endpoint is given up", () => {
    const again = run([start, ended(1, Reconnect.refresh), stepped(5)])
    const [dialing, commands] = reduce(again, simple("RetryDue"), 10)
    assert.isTrue(only(commands, "Dial").refresh)
    assert.strictEqual(reduce(dialing, ended(2, Reconnect.refresh), 11)[0].phase._tag, "Failed")
    const held = run([start, ended(1, Reconnect.refresh), stepped(5), simple("RetryDue"), ready(2), stable(2)])
    assert.deepStrictEqual(tags(commandsOf(held, ended(2, Reconnect.refresh))), ["Interrupt", "Classified", "Step"])
  })

  it("endpoints: left when a dial fails, kept when a Stable session is lost, removed by Stop, restored by the user", () => {
    const three = { ...config, endpoints: 3 }
    assert.strictEqual(run([start, ended(1)], three).endpoint, 1)
    assert.strictEqual(run([...live, ended(1)], three).endpoint, 1)
    assert.strictEqual(run([...settled, ended(1)], three).endpoint, 0)
    const removed = run(
      [
        start,
        ended(1, Reconnect.stop),
        stepped(5),
        simple("RetryDue"),
        ended(2),
        stepped(5),
        simple("RetryDue"),
        ended(3)
      ],
      three
    )
    assert.deepStrictEqual([removed.endpoint, removed.removed], [1, [0]])
    assert.deepStrictEqual(reduce(removed, restart("breakFirst", "user"), 9)[0].removed, [])
    const none = run([start, ended(1, Reconnect.stop)])
    assert.strictEqual(none.phase._tag, "Failed")
    assert.deepStrictEqual(tags(commandsOf(none, restart("makeFirst", "user"))), [
      "RestartRequested",
      "Revive",
      "DialStarted",
      "Dial"
    ])
  })

  it("the first connect is not retried when the policy says so, and later ones are", () => {
    const once = { ...config, retryFirst: false }
    assert.strictEqual(run([start, ended(1)], once).phase._tag, "Failed")
    assert.strictEqual(run([...live, ended(1)], once).phase._tag, "Deciding")
  })

  it("a rotation swaps when the successor is Ready, and the old one's end is never classified", () => {
    const rotating = run([...settled, restart("makeFirst", "user"), opened(2)])
    const [swapped, commands] = reduce(rotating, ready(2), 50)
    assert.deepStrictEqual(tags(commands), ["GatePassed", "Promote", "Rotated", "ArmStable", "ArmRotation"])
    const [after, ends] = reduce(swapped, ended(1, Reconnect.stop), 60)
    assert.deepStrictEqual(ends, [])
    assert.deepStrictEqual(after.phase, {
      _tag: "Live",
      epoch: 2,
      gate: "Ready",
      endpoint: 0,
      since: 50,
      successor: undefined,
      retiring: undefined
    })
  })

  it("a successor that fails leaves the active session alone; one under way stands in for it without a wait", () => {
    const rotating = run([...settled, restart("makeFirst", "user")])
    assert.deepStrictEqual(tags(commandsOf(rotating, ended(2, Reconnect.stop))), ["SuccessorFailed"])
    const [standIn, commands] = reduce(rotating, ended(1, Reconnect.stop), 50)
    assert.deepStrictEqual(tags(commands), ["Interrupt"])
    assert.deepStrictEqual(publicState(standIn), { _tag: "Connecting", attempt: 1, gate: "Dialing" })
  })

  it("of a dial and its hedge the first to open is kept, wherever it was dialed", () => {
    const hedged = run([start, hung(1)], two)
    const first = reduce(hedged, opened(1), 9)
    assert.deepStrictEqual(first[1][0], { _tag: "EndSession", epoch: 2, how: "drop" })
    assert.strictEqual(first[0].endpoint, 0)
    const second = reduce(hedged, opened(2), 9)
    assert.deepStrictEqual(second[1][0], { _tag: "EndSession", epoch: 1, how: "drop" })
    assert.strictEqual(second[0].endpoint, 1)
    assert.deepStrictEqual(publicState(second[0]), { _tag: "Connecting", attempt: 1, gate: "Open" })
  })

  it("a hedge gives way to the next one, and the first dial to none", () => {
    const thrice = { ...config, hedging: { most: 3, beside: true } }
    const hedged = run([start, hung(1)], thrice)
    assert.deepStrictEqual(commandsOf(hedged, hung(1)), [])
    assert.deepStrictEqual(tags(commandsOf(hedged, hung(2))), ["EndSession", "DialStarted", "Dial"])
    assert.deepStrictEqual(commandsOf(run([start, hung(1), hung(2), hung(3)], thrice), hung(4)), [])
    const instead = run([start], { ...thrice, hedging: { most: 1, beside: false } })
    assert.deepStrictEqual(commandsOf(instead, hung(1))[0], { _tag: "EndSession", epoch: 1, how: "drop" })
  })

  it("what becomes of a hedge decides nothing, and what becomes of the first dial decides for both", () => {
    const hedged = run([start, hung(1)])
    assert.deepStrictEqual(commandsOf(hedged, ended(2, Reconnect.stop)), [])
    assert.deepStrictEqual(commandsOf(run([start, hung(1), ended(2)]), hung(1)), [])
    assert.deepStrictEqual(tags(commandsOf(hedged, ended(1))), ["EndSession", "Classified", "Step"])
  })

  it("a retiring session does not outlive the session that replaced it", () => {
    const swapped = run([...settled, restart("makeFirst", "user"), opened(2), ready(2)])
    assert.deepStrictEqual(commandsOf(swapped, ended(2))[1], { _tag: "EndSession", epoch: 1, how: "drop" })
  })

  it("an automatic restart skips the backoff once until Stable; after that it waits like everybody", () => {
    const [first, commands] = reduce(run(settled), restart("breakFirst", "auto"), 50)
    assert.strictEqual(only(commands, "Dial").attempt, 1)
    const again = reduce(first, ready(2), 51)[0]
    const [deciding, later] = reduce(again, restart("breakFirst", "auto"), 52)
    assert.deepStrictEqual(tags(later), ["Interrupt", "RestartRequested", "EndSession", "Classified", "Step"])
    const { error } = only(later, "Step")
    assert.isTrue(
      error._tag === "ConnectionClosed" && error.code === 1000 && error.initiator === "client" && error.epoch === 2
    )
    assert.deepStrictEqual(commandsOf(deciding, restart("breakFirst", "auto")), [])
    assert.deepStrictEqual(commandsOf(again, restart("makeFirst", "auto")), [])
  })

  it("an automatic restart that skips the backoff keeps removed endpoints removed", () => {
    const held = run([start, ended(1, Reconnect.stop), stepped(5), simple("RetryDue"), ready(2), stable(2)], {
      ...config,
      endpoints: 2
    })
    assert.deepStrictEqual(reduce(held, restart("breakFirst", "auto"), 9)[0].removed, [0])
    assert.deepStrictEqual(reduce(held, restart("makeFirst", "auto"), 9)[0].removed, [0])
  })

  it("an exhausted schedule fails with the attempts and the last error", () => {
    const [failed, commands] = reduce(run([start, ended(1)]), simple("Exhausted"), 9)
    assert.deepStrictEqual(tags(commands), ["GaveUp", "Halt"])
    const { error } = only(commands, "Halt")
    assert.isTrue(error?._tag === "RetriesExhausted" && error.attempts === 1 && error.last._tag === "ConnectionDropped")
    assert.deepStrictEqual(publicState(failed), { _tag: "Failed", error: error ?? dropped(0), recoverable: true })
  })

  it("close ends every session, waits for each, and halts once", () => {
    const rotating = run([...settled, restart("makeFirst", "user")])
    const [closing, [, ...ends]] = reduce(rotating, simple("Close"), 9)
    assert.deepStrictEqual(ends, [
      { _tag: "EndSession", epoch: 1, how: "graceful" },
      { _tag: "EndSession", epoch: 2, how: "drop" }
    ])
    const [half, quiet] = reduce(closing, ended(2), 10)
    assert.deepStrictEqual([publicState(half), quiet], [{ _tag: "Closing" }, []])
    const [closed, halt] = reduce(half, ended(1), 11)
    assert.deepStrictEqual(publicState(closed), { _tag: "Disconnected", reason: "Closed" })
    assert.deepStrictEqual(halt, [{ _tag: "Halt", error: undefined }])
  })

  it("pause cancels a wait, and resume starts afresh", () => {
    const waiting = run([start, ended(1), stepped(5), simple("RetryDue"), ended(2), stepped(50)])
    const [paused, commands] = reduce(waiting, pause(), 9)
    assert.deepStrictEqual(tags(commands), ["CancelWait"])
    assert.deepStrictEqual(publicState(paused), { _tag: "Disconnected", reason: "Paused" })
    assert.strictEqual(only(commandsOf(paused, resume()), "Dial").attempt, 1)
  })

  it("giving up ends the session, tells why, and can be revived unless the options are at fault", () => {
    const [failed, commands] = reduce(run(live), { _tag: "Fail", error: overflowed }, 9)
    assert.deepStrictEqual(tags(commands), ["Interrupt", "EndSession", "GaveUp", "Halt"])
    assert.deepStrictEqual(publicState(failed), { _tag: "Failed", error: overflowed, recoverable: true })
    const [idle] = reduce(initial(config), { _tag: "Fail", error: invalid }, 9)
    assert.deepStrictEqual(publicState(idle), { _tag: "Failed", error: invalid, recoverable: false })
  })

  it("a new target starts over with its first endpoint, whatever the old one's sessions end with", () => {
    const replaced = [
      start,
      ended(1, Reconnect.stop),
      stepped(5),
      simple("RetryDue"),
      opened(2),
      ready(2),
      reconfigured(1, true)
    ]
    const state = run(replaced, two)
    assert.deepStrictEqual([state.endpoint, state.removed, state.config.endpoints], [0, [], 1])
    for (const decision of [Reconnect.retry, Reconnect.stop]) {
      const [lost, commands] = reduce(state, ended(2, decision), 9)
      assert.deepStrictEqual(tags(commands), ["Interrupt", "Classified", "Step"])
      assert.strictEqual(
        only(commandsOf(run([...replaced, ended(2, decision), stepped(5)], two), simple("RetryDue")), "Dial").endpoint,
        0
      )
      assert.deepStrictEqual(lost.removed, [])
    }
  })

  it("policies that keep the target keep what is known of its endpoints", () => {
    const state = run([start, ended(1, Reconnect.stop), reconfigured(2, false)], two)
    assert.deepStrictEqual([state.endpoint, state.removed], [1, [0]])
  })

  it("a wake-up ends a wait, unless the server said when to come back", () => {
    const [dialing, commands] = reduce(run([...live, ended(1), stepped(50)]), simple("Woke"), 9)
    assert.deepStrictEqual(tags(commands), ["CancelWait", "DialStarted", "Dial"])
    assert.strictEqual(dialing.phase._tag, "Dialing")
    const told = run([...live, ended(1, Reconnect.retryAfter(700)), stepped(50)])
    assert.deepStrictEqual(commandsOf(told, simple("Woke")), [])
  })

  it("a rotation that is refused, or whose successor may yet fail, is tried again in 30 seconds", () => {
    const again: Command = { _tag: "ArmRotation", after: 30_000 }
    const delay = Duration.seconds(30)
    const deferred: Command = {
      _tag: "Emit",
      event: { _tag: "RotationDeferred", epoch: 1, reason: "test", delay }
    }
    assert.deepStrictEqual(commandsOf(run(live), rotationDue("makeFirst", false)), [deferred, again])
    const commands = commandsOf(run(settled), rotationDue("makeFirst", false))
    assert.deepStrictEqual(tags(commands), ["RestartRequested", "DialStarted", "Dial", "ArmRotation"])
    assert.deepStrictEqual(commands.at(-1), again)
    assert.deepStrictEqual(tags(commandsOf(run(settled), rotationDue("breakFirst", false))), [
      "Interrupt",
      "RestartRequested",
      "EndSession",
      "DialStarted",
      "Dial"
    ])
  })

  it("a planned rotation happens although its session was never Stable, but not within a second", () => {
    const session = run(live)
    for (const mode of ["makeFirst", "breakFirst"] as const) {
      const at = (after: number) => tags(reduce(session, rotationDue(mode, true), 2 + after)[1])
      assert.include(at(1000), "Dial")
      assert.notInclude(at(900), "Dial")
    }
  })

  it("the surroundings resume what they paused, and never what a user paused", () => {
    const theirs = run([...live, pause("surroundings")])
    assert.strictEqual(reduce(theirs, resume("surroundings"), 9)[0].phase._tag, "Dialing")
    for (const inputs of [[pause()], [pause("surroundings"), pause()], [pause(), pause("surroundings")]]) {
      const users = run([...live, ...inputs])
      assert.deepStrictEqual(commandsOf(users, resume("surroundings")), [])
      assert.strictEqual(reduce(users, resume(), 9)[0].phase._tag, "Dialing")
    }
  })

  it("public states follow the phases", () => {
    assert.deepStrictEqual(publicState(initial(config)), { _tag: "Disconnected", reason: "NotStarted" })
    assert.deepStrictEqual(publicState(run([start, opened(1)])), { _tag: "Connecting", attempt: 1, gate: "Open" })
    assert.deepStrictEqual(publicState(run(settled)), { _tag: "Connected", since: 2, epoch: 1, gate: "Stable" })
    const deciding = publicState(run([...live, ended(1, Reconnect.retryAfter(700))]))
    assert.strictEqual(deciding._tag === "Reconnecting" && deciding.nextRetryAt, 703)
  })
})

// ---- properties ----

const commands: ReadonlyArray<Command["_tag"]> = [
  "Dial",
  "Begin",
  "Promote",
  "Interrupt",
  "EndSession",
  "ArmStable",
  "ArmRotation",
  "Step",
  "Wait",
  "CancelWait",
  "Revive",
  "Halt",
  "Emit"
]

const styles: ReadonlyArray<Style> = ["well-behaved", "anything"]
const seeds = 300
const steps = 250

const walks = (style: Style): ReadonlyArray<Walk> =>
  Array.from({ length: seeds }, (_, seed) => walk(reduce, style, seed, steps))

describe("lifecycle properties", () => {
  for (const style of styles) {
    it(`no sequence of inputs breaks an invariant: ${style}`, () => {
      const done = walks(style)
      const transitions = done.reduce((sum, { transitions }) => sum + transitions, 0)
      assert.isAbove(transitions, seeds * steps)
      const count = (what: string) => done.reduce((sum, { counts }) => sum + (counts.get(what) ?? 0), 0)
      // A walk that never gets far proves nothing.
      for (const command of commands) assert.isAbove(count(command), 200, command)
      if (style === "anything")
        assert.deepStrictEqual(
          cells.filter((cell) => count(cell) === 0),
          []
        )
    })
  }

  it("reduce changes nothing it was given, and says the same twice", () => {
    for (const variant of variants) {
      const state = Object.freeze(run(variant.inputs, variant.config))
      for (const part of Object.values(state)) Object.freeze(part)
      for (const [, input] of inputsFor(state)) {
        assert.deepStrictEqual(reduce(state, Object.freeze(input), 7), reduce(state, input, 7))
      }
    }
  })

  for (const [name, mutant] of Object.entries(mutants)) {
    it(`the walks catch: ${name}`, () => {
      assert.isDefined(broken(mutant), "no walk noticed")
    })
  }
})

/** The rule that the first offending walk names. */
const broken = (mutant: Reduce): string | undefined => {
  for (let seed = 0; seed < seeds; seed++) {
    for (const style of styles) {
      try {
        walk(mutant, style, seed, steps)
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        return error.message
      }
    }
  }
  return undefined
}
