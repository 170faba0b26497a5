// Proves that each heartbeat constructor gives the value it documents, that no
// user function inside a heartbeat can throw at the session, which dies of one
// that makes nothing, and that check names what cannot work, protocol pings on a
// transport without them first of all.
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ConnectionError } from "../../src/ConnectionError.ts"
import * as Heartbeat from "../../src/Heartbeat.ts"
import { intervalOf } from "../../src/internal/heartbeat/cadence.ts"
import * as Probes from "../../src/internal/heartbeat/probes.ts"
import type { Frame } from "../../src/Message.ts"
import { backpressure, type Capabilities, httpHeaders } from "../../src/Transport.ts"

const able: Capabilities = { ping: Heartbeat.ping(), pause: backpressure, headers: httpHeaders, bytes: true }
const browser: Capabilities = { ping: false, pause: false, headers: false, bytes: false }

const millis = (duration: Duration.Duration | undefined) =>
  duration === undefined ? undefined : Duration.toMillis(duration)

const fails = (): never => {
  throw new Error("bug")
}
const deaths: Array<string> = []
const session = {
  connection: "feed",
  epoch: 3,
  dead: (error: ConnectionError) => void deaths.push(`${error._tag}: ${error.message}`)
}
/** A probe of data frames as a session uses it. */
const frameProbe = ({ probe }: Heartbeat.Heartbeat) => {
  assert.strictEqual(probe._tag, "Frame")
  const { hear, make } = Probes.kindOf(probe)
  return {
    make: make!,
    match: (frame: Frame, id: number) =>
      hear!(frame, { session: session as never, answered: (match, heard) => match(heard, id) })
  }
}
/** A challenge as a session uses it: the reply, if the frame is one. */
const challengeProbe = ({ probe }: Heartbeat.Heartbeat) => {
  assert.strictEqual(probe._tag, "Challenge")
  const { hear } = Probes.kindOf(probe)
  const answer = (frame: Frame) => {
    let reply: unknown
    const writing = { ...session, write: (written: unknown) => (reply = written) }
    const heard = hear!(frame, { session: writing as never, answered: () => false })
    return { heard, reply }
  }
  return { match: (frame: Frame) => answer(frame).heard, reply: (frame: Frame) => answer(frame).reply }
}
/** Of what the session died since this was asked last. */
const died = () => deaths.splice(0)
const diedOf = (maker: string) => assert.match(died().join(), new RegExp(`^PingFailed: .*\\b${maker}\\b[^,]*$`))
const bytesOf = (text: string) => new TextEncoder().encode(text)

describe("constructors", () => {
  it("ping has the documented defaults", () => {
    const heartbeat = Heartbeat.ping()
    assert.strictEqual(heartbeat.probe._tag, "Ping")
    assert.strictEqual(millis(intervalOf(heartbeat.cadence!)), 20_000)
    assert.strictEqual(millis(heartbeat.timeout), 10_000)
    assert.strictEqual(heartbeat.maxMissed, 1)
    assert.isFalse(heartbeat.onlyWhenIdle)
    assert.isUndefined(heartbeat.idle)
    assert.isUndefined(heartbeat.data)
  })

  it("every option arrives", () => {
    const heartbeat = Heartbeat.ping({
      every: "5 seconds",
      timeout: "2 seconds",
      maxMissed: 3,
      onlyWhenIdle: true,
      idle: "1 minute",
      data: { within: "90 seconds" }
    })
    assert.strictEqual(millis(intervalOf(heartbeat.cadence!)), 5_000)
    assert.strictEqual(millis(heartbeat.timeout), 2_000)
    assert.strictEqual(heartbeat.maxMissed, 3)
    assert.isTrue(heartbeat.onlyWhenIdle)
    assert.strictEqual(millis(heartbeat.idle), 60_000)
    assert.strictEqual(millis(heartbeat.data?.within), 90_000)
  })

  it("an infinite timeout sends probes and never declares death", () => {
    const heartbeat = Heartbeat.ping({ timeout: "Infinity" })
    assert.isUndefined(heartbeat.timeout)
    assert.strictEqual(millis(intervalOf(heartbeat.cadence!)), 20_000)
    assert.isUndefined(Heartbeat.check(heartbeat, able, "feed"))
  })

  it.effect("a duration becomes a schedule of that interval", () =>
    Effect.gen(function* () {
      const step = yield* Schedule.toStep(Heartbeat.ping({ every: "7 seconds" }).cadence!)
      for (let beat = 0; beat < 3; beat++) {
        const [, delay] = yield* step(beat, undefined)
        assert.strictEqual(millis(delay), 7_000)
      }
    })
  )

  it("a schedule is taken as it is", () => {
    const schedule = Schedule.spaced("3 seconds")
    const heartbeat = Heartbeat.text({ every: schedule })
    assert.strictEqual(heartbeat.cadence, schedule)
    assert.isUndefined(Heartbeat.check(heartbeat, browser, "feed"))
  })

  it("passive and none send nothing", () => {
    for (const heartbeat of [Heartbeat.none, Heartbeat.passive({ idle: "1 minute", data: { within: "10 minutes" } })]) {
      assert.strictEqual(heartbeat.probe._tag, "None")
      assert.isUndefined(heartbeat.cadence)
      assert.isUndefined(heartbeat.timeout)
      assert.isUndefined(Heartbeat.check(heartbeat, browser, "feed"))
    }
    assert.strictEqual(millis(Heartbeat.passive({ idle: "1 minute" }).idle), 60_000)
    assert.isUndefined(Heartbeat.none.idle)
  })
})

describe("text", () => {
  it("asks ping and hears pong unless told otherwise", () => {
    const probe = frameProbe(Heartbeat.text())
    assert.strictEqual(probe.make(1, session), "ping")
    assert.isTrue(probe.match("pong", 1))
    assert.isFalse(probe.match("pong!", 1))
    assert.isFalse(probe.match(bytesOf("pong"), 1))
  })

  it("takes other words, or a function", () => {
    const words = frameProbe(Heartbeat.text({ probe: "?", pulse: "!" }))
    assert.strictEqual(words.make(1, session), "?")
    assert.isTrue(words.match("!", 1))
    const told = frameProbe(Heartbeat.text({ pulse: (text) => text.startsWith("po") }))
    assert.isTrue(told.match("poke", 1))
    assert.isFalse(told.match("ping", 1))
    assert.isFalse(frameProbe(Heartbeat.text({ pulse: fails })).match("pong", 1))
    assert.strictEqual(frameProbe(Heartbeat.text({ probe: 7 as never })).make(1, session), "7")
    assert.deepStrictEqual(died(), [])
  })
})

describe("frame", () => {
  it("passes ids through and binary as it is", () => {
    const probe = frameProbe(
      Heartbeat.frame({
        make: (id) => Uint8Array.of(9, id),
        match: (frame, id) => typeof frame !== "string" && frame[0] === 10 && frame[1] === id
      })
    )
    assert.deepStrictEqual(probe.make(3, session), Uint8Array.of(9, 3))
    assert.isTrue(probe.match(Uint8Array.of(10, 3), 3))
    assert.isFalse(probe.match(Uint8Array.of(10, 3), 4))
  })

  it("survives functions that throw or give nonsense", () => {
    const thrower = frameProbe(Heartbeat.frame({ make: fails, match: fails }))
    assert.isUndefined(thrower.make(1, session))
    diedOf("make")
    assert.isFalse(thrower.match("x", 1))
    const odd = frameProbe(Heartbeat.frame({ make: () => 7 as never, match: () => "yes" as never }))
    assert.isUndefined(odd.make(1, session))
    diedOf("make")
    assert.isFalse(odd.match("x", 1))
  })
})

describe("json", () => {
  const idOf = (message: unknown) => (message as { readonly id: number }).id

  it("writes what make gives and matches by id, in text and in binary", () => {
    const probe = frameProbe(
      Heartbeat.json({ make: (id) => ({ op: "ping", id }), match: (message, id) => idOf(message) === id })
    )
    assert.strictEqual(probe.make(4, session), '{"op":"ping","id":4}')
    assert.isTrue(probe.match('{"id":4}', 4))
    assert.isTrue(probe.match(bytesOf('{"id":4}'), 4))
    assert.isFalse(probe.match('{"id":5}', 4))
  })

  it("does not parse a text frame that lacks `contains`", () => {
    let parsed = 0
    const probe = frameProbe(
      Heartbeat.json({
        make: () => null,
        match: () => {
          parsed++
          return true
        },
        contains: "pong"
      })
    )
    assert.isFalse(probe.match('{"op":"trade"}', 1))
    assert.strictEqual(parsed, 0)
    assert.isTrue(probe.match('{"op":"pong"}', 1))
    assert.strictEqual(parsed, 1)
  })

  it("survives what is no JSON and functions that throw", () => {
    const probe = frameProbe(Heartbeat.json({ make: () => undefined, match: (message) => idOf(message) === 1 }))
    assert.isUndefined(probe.make(1, session))
    diedOf("make")
    assert.isFalse(probe.match("{", 1))
    assert.isFalse(probe.match(Uint8Array.of(0xff), 1))
    assert.isFalse(probe.match("null", 1))
    assert.isUndefined(frameProbe(Heartbeat.json({ make: fails, match: fails })).make(1, session))
    diedOf("make")
  })
})

describe("challenge", () => {
  it("matches and replies on frames", () => {
    const heartbeat = Heartbeat.challenge({
      match: (frame) => frame === "are you there",
      reply: (frame) => `${String(frame)}: yes`,
      idle: "30 seconds"
    })
    const probe = challengeProbe(heartbeat)
    assert.isTrue(probe.match("are you there"))
    assert.isFalse(probe.match("trade"))
    assert.strictEqual(probe.reply("are you there"), "are you there: yes")
    assert.strictEqual(millis(heartbeat.idle), 30_000)
    assert.isUndefined(heartbeat.cadence)
  })

  it("matches and replies in JSON", () => {
    const probe = challengeProbe(
      Heartbeat.challengeJson({
        match: (message) => (message as { readonly type: string }).type === "test_request",
        reply: (message) => ({ method: "public/test", to: (message as { readonly type: string }).type }),
        contains: "test_request"
      })
    )
    assert.isTrue(probe.match('{"type":"test_request"}'))
    assert.isFalse(probe.match('{"type":"trade"}'))
    assert.strictEqual(probe.reply('{"type":"test_request"}'), '{"method":"public/test","to":"test_request"}')
  })

  it("survives functions that throw", () => {
    for (const challenge of [Heartbeat.challenge, Heartbeat.challengeJson]) {
      assert.isFalse(challengeProbe(challenge({ match: fails, reply: fails })).match("{}"))
      assert.deepStrictEqual(died(), [])
      assert.isUndefined(challengeProbe(challenge({ match: () => true, reply: fails })).reply("{}"))
      diedOf("reply")
    }
  })
})

describe("check", () => {
  const issueAt = (heartbeat: Heartbeat.Heartbeat) => Heartbeat.check(heartbeat, able, "feed")?.path.join(".")

  it("refuses protocol pings where there are none, and names the alternatives", () => {
    const refused = Heartbeat.check(Heartbeat.ping(), browser, "feed")
    assert.deepStrictEqual(refused?.path, ["heartbeat"])
    for (const name of ["Heartbeat.text", "Heartbeat.json", "Heartbeat.passive"]) {
      assert.include(refused?.message, name)
    }
    assert.isUndefined(Heartbeat.check(Heartbeat.ping(), able, "feed"))
    assert.isUndefined(Heartbeat.check(Heartbeat.text(), browser, "feed"))
  })

  it("names durations that are not usable", () => {
    for (const bad of [0, -1, NaN, -Infinity, "soon" as never]) {
      assert.strictEqual(issueAt(Heartbeat.ping({ every: bad })), "heartbeat.every", String(bad))
      assert.strictEqual(issueAt(Heartbeat.ping({ timeout: bad })), "heartbeat.timeout", String(bad))
      assert.strictEqual(issueAt(Heartbeat.passive({ idle: bad })), "heartbeat.idle", String(bad))
      assert.strictEqual(
        issueAt(Heartbeat.passive({ idle: 1, data: { within: bad } })),
        "heartbeat.data.within",
        String(bad)
      )
    }
    assert.strictEqual(issueAt(Heartbeat.ping({ every: Infinity })), "heartbeat.every")
  })

  it("names a count that is not usable", () => {
    for (const maxMissed of [0, -1, NaN, 1.5]) {
      assert.strictEqual(issueAt(Heartbeat.ping({ maxMissed })), "heartbeat.maxMissed")
    }
  })

  it("refuses an idle bound that its own probes cannot keep", () => {
    assert.strictEqual(issueAt(Heartbeat.ping({ every: "20 seconds", idle: "20 seconds" })), "heartbeat.idle")
    assert.strictEqual(issueAt(Heartbeat.ping({ every: "20 seconds", idle: "31 seconds" })), undefined)
  })
})
