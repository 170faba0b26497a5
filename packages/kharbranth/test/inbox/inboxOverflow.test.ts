// Proves what an inbox does when it is full, when its reader stalls and when
// frames do not decode: every policy, what it drops, counts, marks and keeps.
import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Codec from "../../src/Codec.ts"
import * as ConnectionError from "../../src/ConnectionError.ts"
import * as Public from "../../src/Inbox.ts"
import { gap, names, opened, pushAll, rig, several, sized, sourceOf } from "./inboxRig.ts"

describe("overflow where the source cannot pause", () => {
  const filled = (overflow: Public.Overflow<string>, frames: ReadonlyArray<string>, read = true) => {
    const all = rig(Codec.text, { overflow, pauses: false })
    all.inbox.attach(sourceOf().source)
    if (read) all.inbox.acquire()
    pushAll(all.inbox, all.lane(1), frames)
    all.turn()
    return all
  }
  const tens = (letters: string) => letters.split("").map((letter) => sized(letter, 40))

  it("fail: one typed error; what waits stays, what follows is counted", () => {
    const { errors, inbox, lane, said } = filled("fail", tens("ABCD"))
    assert.deepStrictEqual(said, ["failed InboxOverflow", "dropped 1 overflow"])
    assert.deepStrictEqual(errors, [new ConnectionError.InboxOverflow({ connection: "prices", bytes: 120, max: 100 })])
    assert.strictEqual(inbox.take()?.length, 3)
    pushAll(inbox, lane(1), ["E"])
    inbox.pushDecoded(1, ["F"], 1)
    assert.deepStrictEqual(said.slice(2), ["dropped 1 overflow", "dropped 1 overflow"])
    inbox.revive()
    pushAll(inbox, lane(2), ["G"])
    assert.deepStrictEqual(inbox.take(), ["G"])
  })

  it("fail, but nobody ever read: the oldest go, counted and marked", () => {
    const { errors, inbox, said } = filled("fail", tens("ABCD"), false)
    assert.deepStrictEqual(errors, [])
    assert.deepStrictEqual(said, ["dropped 1 overflow", "dropped 1 overflow"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-2", "C", "D"])
  })

  it("fail: what an overlap releases between the overflow and the end is marked, once it is over only counted", () => {
    const { inbox, lane, said } = filled("fail", tens("ABCD"))
    inbox.mark(opened(2))
    inbox.pushDecoded(2, ["E", "F"], 2)
    pushAll(inbox, lane(2), ["G"])
    inbox.finish(new ConnectionError.InboxOverflow({ connection: "prices", bytes: 120, max: 100 }))
    pushAll(inbox, lane(2), ["H"])
    assert.deepStrictEqual(said.slice(2), ["dropped 2 overflow", "dropped 1 overflow", "dropped 1 closed"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["A", "B", "C", "-1", "SessionOpened2", "-3"])
  })

  it("a closing session, under `fail`: what finds no room is marked, and nothing comes after it", () => {
    const { inbox, lane, said } = rig(Codec.text)
    const closing = lane(1)
    const late = (frame: string) => inbox.pushLate(closing, frame, frame.length)
    assert.deepStrictEqual(
      ["A", "B", "C"].map((name) => late(sized(name, 60))),
      [true, true, false]
    )
    inbox.miss()
    assert.deepStrictEqual(said, ["dropped 1 overflow", "dropped 1 overflow"])
    inbox.finish(undefined)
    inbox.miss()
    assert.deepStrictEqual(said.slice(2), ["dropped 1 closed"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["A", "B", "-2"])
  })

  it("a closing session, under any other policy: that policy; what a tap claims takes no room", () => {
    const claimed: Array<string> = []
    const { inbox, lane, said } = rig(Codec.text, { overflow: "dropOldest" })
    const closing = lane(1)
    const late = (frame: string) => inbox.pushLate(closing, frame, frame.length)
    assert.deepStrictEqual(
      ["A", "B", "C"].map((name) => late(sized(name, 60))),
      [true, true, true]
    )
    assert.deepStrictEqual(said, ["dropped 1 overflow", "dropped 1 overflow"])
    inbox.addTap({ claim: (message) => message.startsWith("x") && claimed.push(message) > 0 })
    assert.isTrue(late(sized("x", 60)))
    assert.isTrue(late(sized("D", 30)))
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-2", "C", "D"])
    assert.lengthOf(claimed, 1)
  })

  it("dropOldest: the head goes, one marker in its place, a decoder with memory sees all", () => {
    const { inbox, said } = filled("dropOldest", tens("ABCDE"))
    assert.deepStrictEqual(said, ["dropped 1 overflow", "dropped 1 overflow", "dropped 1 overflow"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-3", "D", "E"])
  })

  it("dropNewest: the end goes; what comes later stands behind the marker", () => {
    const { inbox, lane, said, turn } = filled({ shed: Public.dropNewest }, tens("ABCD"))
    assert.deepStrictEqual(said, ["dropped 2 overflow"])
    pushAll(inbox, lane(1), ["e"])
    turn()
    assert.deepStrictEqual(names(inbox.takeEntries()), ["A", "B", "-2", "e"])
  })

  it("conflate: the newest of a key in the place of the first; no key, no conflation; then the oldest go", () => {
    const key = (message: string): unknown => {
      if (message.startsWith("!")) throw new Error("no key")
      return message.startsWith("-") ? undefined : message[0]
    }
    const { inbox, said, turn, lane } = filled(
      { shed: Public.conflate, key: key },
      ["a1", "-1", "b1", "a2", "-2", "!1", "a3", "!2"].map((name) => sized(name, 15))
    )
    assert.deepStrictEqual(said, ["dropped 2 overflow"])
    pushAll(inbox, lane(1), [sized("b2", 30)])
    turn()
    assert.deepStrictEqual(said.slice(1), ["dropped 2 overflow"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-3", "-1", "-1", "b2", "-2", "!1", "!2"])
  })

  it("conflate, and every message without a key: the oldest go", () => {
    const { inbox, said } = filled(
      { shed: Public.conflate, key: () => undefined },
      ["A", "A", "B", "B"].map((name) => sized(name, 40))
    )
    assert.deepStrictEqual(said, ["dropped 2 overflow"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-2", "B", "B"])
  })

  it("conflate: a key that changes its mind moves no marker to another message", () => {
    let changed = false
    const key = (message: string): unknown => (message.startsWith("k") || changed ? message[0] : undefined)
    const { inbox, lane, turn } = filled(
      { shed: Public.conflate, key: key },
      ["x1", "x2", "k1", "k2"].map((name) => sized(name, 30))
    )
    changed = true
    pushAll(inbox, lane(1), [sized("z1", 30)])
    turn()
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-1", "x2", "-1", "k2", "z1"])
  })

  it("a message larger than the mark is not dropped for being alone", () => {
    for (const overflow of [
      "dropOldest",
      { shed: Public.dropNewest },
      { shed: Public.conflate, key: () => 1 }
    ] as const) {
      const { inbox, said } = filled(overflow, [sized("A", 300)])
      assert.deepStrictEqual([said, names(inbox.takeEntries())], [[], ["A"]])
    }
  })
})

describe("a stalled reader", () => {
  const stalled = (overflow: Public.Overflow<string>, options: { readonly read: boolean }) => {
    const all = rig(Codec.text, { overflow })
    const link = sourceOf()
    all.inbox.attach(link.source)
    if (options.read) all.inbox.acquire()
    pushAll(
      all.inbox,
      all.lane(1),
      ["A", "B", "C", "D"].map((letter) => sized(letter, 25))
    )
    return { ...all, ...link }
  }

  it("fail: the event, then the typed error", () => {
    const { said, stall } = stalled("fail", { read: true })
    stall()
    assert.deepStrictEqual(said, ["armed", "stalled 100", "failed InboxOverflow"])
  })

  it("fail, but nobody ever read: the oldest go and the socket goes on", () => {
    const { calls, inbox, said, stall } = stalled("fail", { read: false })
    stall()
    assert.deepStrictEqual(said, ["armed", "stalled 100", "dropped 3 overflow"])
    assert.deepStrictEqual(calls, ["pause", "resume"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-3", "D"])
  })

  it("dropOldest and dropNewest go down to the low mark and resume", () => {
    const oldest = stalled("dropOldest", { read: true })
    oldest.stall()
    assert.deepStrictEqual(names(oldest.inbox.takeEntries()), ["-3", "D"])
    const newest = stalled({ shed: Public.dropNewest }, { read: true })
    newest.stall()
    assert.deepStrictEqual(newest.calls, ["pause", "resume"])
    assert.deepStrictEqual(names(newest.inbox.takeEntries()), ["A", "-3"])
  })

  it("a reader that moves is given another `maxStall`; no pause, no timer", () => {
    const { inbox, lane, said, stall } = stalled("dropOldest", { read: true })
    inbox.takeOne()
    stall()
    assert.deepStrictEqual(said, ["armed", "armed"])
    inbox.take()
    pushAll(inbox, lane(1), [sized("E", 100)])
    assert.deepStrictEqual(said, ["armed", "armed"])
    stall()
    assert.deepStrictEqual(said, ["armed", "armed", "armed"])
    inbox.take()
    stall()
    assert.strictEqual(said.length, 3)
  })
})

describe("frames that do not decode", () => {
  const numbers = Codec.make<number, never>({
    encode: () => "",
    decode: (frame) => (frame === "bad" ? new Codec.Failure("no number", "secret") : Number(frame))
  })
  const skipping = Codec.skipErrors(numbers)
  const plain = (entries: ReadonlyArray<Public.Entry<number>> | undefined) =>
    (entries ?? []).map((entry) =>
      entry._tag === "Message" ? entry.message : entry._tag === "Lagged" ? `-${entry.dropped}` : entry._tag
    )

  it("skip: counted, marked in place, the rest delivered", () => {
    const { inbox, lane, said } = rig(skipping)
    pushAll(inbox, lane(1), ["1", "bad", "bad", "2", "3", "bad"])
    assert.deepStrictEqual(plain(inbox.takeEntries()), [1, "-2", 2, 3, "-1"])
    assert.deepStrictEqual(said, ["dropped 3 undecodable"])
    pushAll(inbox, lane(1), ["bad", "4"])
    assert.deepStrictEqual(inbox.take(), [4])
    pushAll(inbox, lane(1), ["bad"])
    assert.isUndefined(inbox.takeOne())
    assert.strictEqual(inbox.bytes, 0)
  })

  it("fail: one error, messages before it delivered, nothing after it of that session", () => {
    const { errors, inbox, lane, said } = rig(numbers)
    const [first, second] = [lane(1), lane(2)]
    pushAll(inbox, first, ["1", "bad", "2", "bad"])
    inbox.mark(opened(2))
    pushAll(inbox, first, ["3"])
    pushAll(inbox, second, ["4"])
    assert.deepStrictEqual(plain(inbox.takeEntries()), [1, "SessionOpened", 4])
    pushAll(inbox, first, ["5"])
    pushAll(inbox, second, ["bad"])
    assert.isUndefined(inbox.take())
    assert.deepStrictEqual(said, [
      "dropped 2 unread",
      "failed DecodeError",
      "dropped 1 unread",
      "dropped 1 unread",
      "failed DecodeError"
    ])
    const error = errors[0] as ConnectionError.DecodeError
    assert.deepStrictEqual([error.connection, error.epoch, error.issue], ["prices", 1, "no number"])
    assert.strictEqual(Redacted.value(error.cause), "secret")
    assert.notInclude(error.message, "secret")
  })

  it("a decoder that throws has failed on the first frame it was given", () => {
    const throwing: Codec.Codec<number, never> = {
      encode: () => "",
      decoder: () => ({
        decode: () => {
          throw new Error("secret")
        },
        onBadFrame: Codec.fail
      })
    }
    const fail = rig(throwing)
    pushAll(fail.inbox, fail.lane(1), ["1"])
    assert.isUndefined(fail.inbox.take())
    assert.deepStrictEqual(fail.said, ["failed DecodeError"])
    const skip = rig(Codec.skipErrors(throwing))
    pushAll(skip.inbox, skip.lane(1), ["1", "2"])
    assert.deepStrictEqual(plain(skip.inbox.takeEntries()), ["-2"])
  })

  it("the same when a tap makes frames decode as they come", () => {
    const skip = rig(skipping)
    skip.inbox.addTap({ claim: (n) => n === 2 })
    pushAll(skip.inbox, skip.lane(1), ["1", "bad", "2", "3"])
    skip.turn()
    assert.strictEqual(skip.inbox.bytes, 2)
    assert.deepStrictEqual(plain(skip.inbox.takeEntries()), [1, "-1", 3])
  })
})

describe("codecs of more or fewer messages than frames", () => {
  it("bytes are shared out and all come back", () => {
    const { inbox, lane, turn } = rig(several, { overflow: "dropOldest", pauses: false })
    inbox.attach(sourceOf().source)
    const one = lane(1)
    pushAll(inbox, one, ["[]", '["a","b","c"]'])
    inbox.takeOne()
    assert.strictEqual(inbox.bytes, 10)
    inbox.takeOne()
    assert.deepStrictEqual(inbox.takeOne(), { message: "c" })
    assert.strictEqual(inbox.bytes, 0)
    pushAll(inbox, one, ["[]", "[]"])
    assert.isUndefined(inbox.takeOne())
    pushAll(inbox, one, [JSON.stringify(["d", sized("e", 60)]), JSON.stringify([sized("f", 60)])])
    turn()
    assert.deepStrictEqual(names(inbox.takeEntries()), ["-1", "e", "f"])
    assert.strictEqual(inbox.bytes, 0)
  })
})

describe("months without a reader", () => {
  it("keep a bounded number of markers, the newest, and drops stay marked", () => {
    const { inbox, lane } = rig(Codec.text, { overflow: "dropOldest", pauses: false })
    inbox.attach(sourceOf().source)
    for (let epoch = 1; epoch <= 1_000; epoch++) {
      inbox.mark(gap(epoch))
      inbox.mark(opened(epoch))
      pushAll(inbox, lane(epoch), [sized("x", 60), sized("y", 60)])
    }
    const entries = names(inbox.takeEntries())
    const dropped = entries.filter((name) => name.startsWith("-")).reduce((sum, name) => sum + Number(name.slice(1)), 0)
    assert.strictEqual(dropped, 1_999)
    assert.strictEqual(entries.filter((name) => /Gap|Session/.test(name)).length, 256)
    assert.isTrue(entries.length < 400)
    assert.deepStrictEqual(entries.slice(-4), ["Gap1000", "SessionOpened1000", "-1", "y"])
  })
})
