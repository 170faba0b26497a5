// Proves the inbox rule by rule: whole batches for one reader, markers in their
// place, deferred wake-ups, the end after the last message, sources paused and
// resumed at the marks, taps, and options refused by name.
import { assert, describe, it } from "@effect/vitest"
import * as Codec from "../../src/Codec.ts"
import * as Public from "../../src/Inbox.ts"
import { type Lane } from "../../src/internal/inbox/inbox.ts"
import { gap, lost, names, opened, pushAll, rig, sized, sourceOf } from "./inboxRig.ts"

describe("taking", () => {
  it("one lane's frames come as one batch: the decoder's own array", () => {
    const { inbox, lane } = rig(Codec.text)
    let made: ReadonlyArray<string> = []
    const decode = lane(1).decoder.decode
    const spied: Lane<string> = {
      ...lane(1),
      decoder: {
        decode: (frames) => {
          const batch = decode(frames)
          made = batch.messages
          return batch
        },
        onBadFrame: Codec.fail
      }
    }
    pushAll(inbox, spied, ["a", "b", "c"])
    assert.strictEqual(inbox.messages, 3)
    assert.deepStrictEqual(made, [])
    assert.strictEqual(inbox.take(), made)
    assert.deepStrictEqual(made, ["a", "b", "c"])
    assert.isUndefined(inbox.take())
    assert.isUndefined(inbox.takeEntries())
    assert.isUndefined(inbox.takeOne())
  })

  it("messages that are arrays stay arrays when batches are joined", () => {
    const { inbox, lane } = rig(Codec.jsonAs<Array<number>>())
    pushAll(inbox, lane(1), ["[1]"])
    pushAll(inbox, lane(2), ["[2,3]"])
    assert.deepStrictEqual(inbox.take(), [[1], [2, 3]])
  })

  it("markers keep their place, and a reader of bare messages does not see them", () => {
    const { inbox, lane } = rig(Codec.text)
    const fill = () => {
      inbox.mark(opened(1))
      pushAll(inbox, lane(1), ["a"])
      inbox.mark(gap(2))
      inbox.mark(opened(2))
      pushAll(inbox, lane(2), ["b", "c"])
      inbox.mark(Public.lagged(4))
      inbox.mark(Public.lagged(1))
      inbox.mark(Public.lagged(2, true))
    }
    fill()
    assert.deepStrictEqual(names(inbox.takeEntries()), [
      "SessionOpened1",
      "a",
      "Gap2",
      "SessionOpened2",
      "b",
      "c",
      "-5",
      "<=2"
    ])
    fill()
    assert.deepStrictEqual(inbox.take(), ["a", "b", "c"])
    fill()
    assert.deepStrictEqual([inbox.takeOne(), inbox.takeOne()], [{ message: "a" }, { message: "b" }])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["c", "-5", "<=2"])
  })

  it("after `takeOne`, what is left of a batch is taken from where it stands", () => {
    const { inbox, lane } = rig(Codec.text)
    pushAll(inbox, lane(1), ["a", "b", "c", "d", "e"])
    assert.deepStrictEqual(inbox.takeOne(), { message: "a" })
    assert.deepStrictEqual(inbox.take(), ["b", "c", "d", "e"])
  })

  it("only one reader at a time", () => {
    const { inbox } = rig(Codec.text)
    assert.isTrue(inbox.acquire())
    assert.isFalse(inbox.acquire())
    inbox.release()
    assert.isTrue(inbox.acquire())
  })

  it("a reader that ends inside its batch leaves an upper bound, and none for a batch of one", () => {
    const { inbox, lane, said } = rig(Codec.text)
    const take = (count: number) => {
      pushAll(
        inbox,
        lane(1),
        Array.from({ length: count }, () => "x")
      )
      inbox.acquire()
      inbox.take()
    }
    take(3)
    inbox.release()
    assert.deepStrictEqual(said, ["dropped 2 unread"])
    assert.deepStrictEqual(names(inbox.takeEntries()), ["<=2"])
    take(1)
    inbox.release()
    take(3)
    inbox.await(() => {})
    inbox.release()
    assert.deepStrictEqual(said, ["dropped 2 unread"])
    inbox.mark(opened(1))
    pushAll(inbox, lane(1), ["a", "b"])
    inbox.acquire()
    inbox.takeEntries()
    inbox.release()
    assert.deepStrictEqual(said, ["dropped 2 unread", "dropped 2 unread"])
  })

  it("`lastMessageAt` is asked once a turn, and only when something came", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    assert.isUndefined(inbox.lastMessageAt)
    inbox.mark(opened(1))
    turn()
    assert.isUndefined(inbox.lastMessageAt)
    pushAll(inbox, lane(1), ["a", "b"])
    turn()
    assert.strictEqual(inbox.lastMessageAt, 1)
    inbox.pushDecoded(1, ["c"], 1)
    inbox.pushDecoded(1, ["d"], 1)
    turn()
    assert.strictEqual(inbox.lastMessageAt, 2)
  })
})

describe("waiting", () => {
  it("wakes once, deferred, for a message, for what is there already and for the end", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    let woken = 0
    const wake = () => {
      woken += 1
    }
    inbox.await(wake)
    turn()
    pushAll(inbox, lane(1), ["a"])
    assert.strictEqual(woken, 0)
    turn()
    turn()
    assert.strictEqual(woken, 1)
    inbox.await(wake)
    assert.strictEqual(woken, 1)
    turn()
    assert.strictEqual(woken, 2)
    inbox.take()
    inbox.await(() => assert.fail("replaced"))
    inbox.await(wake)
    inbox.finish(undefined)
    assert.strictEqual(woken, 2)
    turn()
    assert.strictEqual(woken, 3)
  })

  it("forgets who waited when the reader goes", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    assert.isTrue(inbox.acquire())
    inbox.await(() => assert.fail("gone"))
    inbox.release()
    pushAll(inbox, lane(1), ["a"])
    turn()
    assert.isTrue(inbox.acquire())
    assert.deepStrictEqual(inbox.take(), ["a"])
  })

  it("does not wake for what a tap claims", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    inbox.addTap({ claim: () => true })
    inbox.await(() => assert.fail("nothing to take"))
    pushAll(inbox, lane(1), ["a"])
    turn()
    assert.strictEqual(inbox.bytes, 0)
  })
})

describe("the end", () => {
  it("what waits stays readable, nothing else is let in, and `revive` opens again", () => {
    const { inbox, lane, said } = rig(Codec.text)
    const first = lane(1)
    pushAll(inbox, first, ["a"])
    inbox.finish(lost)
    pushAll(inbox, first, ["b"])
    inbox.pushDecoded(1, ["c", "d"], 2)
    inbox.pushDecoded(1, [], 0)
    assert.deepStrictEqual(said, ["dropped 1 closed", "dropped 2 closed"])
    assert.deepStrictEqual(inbox.take(), ["a"])
    assert.deepStrictEqual(inbox.ending, { error: lost })
    inbox.revive()
    assert.isUndefined(inbox.ending)
    pushAll(inbox, lane(2), ["e"])
    assert.deepStrictEqual(inbox.take(), ["e"])
  })

  it("`discard` counts everything unread and lets the sources go on", () => {
    const { inbox, lane, said } = rig(Codec.text)
    const { calls, source } = sourceOf()
    inbox.attach(source)
    pushAll(inbox, lane(1), [sized("a", 100)])
    inbox.addTap({ claim: () => false })
    pushAll(inbox, lane(1), ["b"])
    assert.strictEqual(inbox.discard(), 2)
    assert.strictEqual(inbox.discard(), 0)
    assert.deepStrictEqual(said, ["armed", "dropped 2 unread"])
    assert.deepStrictEqual(calls, ["pause", "resume"])
    assert.deepStrictEqual([inbox.bytes, inbox.messages], [0, 0])
  })

  it("a tap that discards in the middle of a turn leaves the bytes right", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const remove = inbox.addTap({
      claim: (message) => {
        if (message === "x") inbox.discard()
        return false
      }
    })
    pushAll(inbox, lane(1), ["a", "x", "b"])
    inbox.pushDecoded(2, ["c"], 1)
    turn()
    remove()
    inbox.take()
    assert.strictEqual(inbox.bytes, 0)
  })
})

describe("sources", () => {
  it("pauses at the mark, resumes at a quarter, each once", () => {
    const { inbox, lane } = rig(Codec.text)
    const { calls, source } = sourceOf()
    inbox.attach(source)
    const frames = ["a", "b", "c", "d"].map((name) => sized(name, 25))
    pushAll(inbox, lane(1), frames.slice(0, 3))
    assert.isFalse(inbox.holding())
    pushAll(inbox, lane(1), frames)
    assert.deepStrictEqual(calls, ["pause"])
    assert.isTrue(inbox.holding())
    for (let left = 6; left > 1; left--) inbox.takeOne()
    assert.deepStrictEqual(calls, ["pause"])
    inbox.takeOne()
    assert.deepStrictEqual(calls, ["pause", "resume"])
    assert.strictEqual(inbox.bytes, 25)
  })

  it("a source attached while the inbox is full is paused at once; one that goes is resumed", () => {
    const { inbox, lane } = rig(Codec.text)
    const [first, second] = [sourceOf(), sourceOf()]
    pushAll(inbox, lane(1), [sized("a", 100)])
    assert.isFalse(inbox.holding())
    inbox.attach(first.source)
    inbox.attach(second.source)
    assert.deepStrictEqual([first.calls, second.calls], [["pause"], ["pause"]])
    inbox.detach(first.source)
    assert.isTrue(inbox.holding())
    assert.deepStrictEqual([first.calls, second.calls], [["pause", "resume"], ["pause"]])
    inbox.detach(second.source)
    assert.isFalse(inbox.holding())
    assert.deepStrictEqual(second.calls, ["pause", "resume"])
  })

  it("those that cannot pause are not asked; before the first comes and once the last has gone nothing is bounded", () => {
    const { inbox, lane, said } = rig(Codec.text, { overflow: "dropOldest", pauses: false })
    const { calls, source } = sourceOf()
    const push = () => pushAll(inbox, lane(1), [sized("a", 60), sized("b", 60)])
    push()
    inbox.take()
    inbox.attach(source)
    push()
    assert.isFalse(inbox.holding())
    inbox.take()
    inbox.detach(source)
    push()
    assert.deepStrictEqual([calls, said], [[], ["dropped 1 overflow"]])
  })
})

describe("taps", () => {
  it("see what arrives after them, in order, once; the first that claims has it", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const one = lane(1)
    const seen: Array<string> = []
    pushAll(inbox, one, ["a"])
    const remove = inbox.addTap({
      claim: (message, epoch) => {
        seen.push(`${message}${epoch}`)
        if (message === "throws") throw new Error("a tap")
        return message === "b"
      }
    })
    pushAll(inbox, one, ["b", "c", "throws"])
    inbox.addTap({
      claim: (message) => {
        seen.push(`second ${message}`)
        return message === "e"
      }
    })
    pushAll(inbox, one, ["d", "e"])
    turn()
    remove()
    remove()
    pushAll(inbox, one, ["f"])
    assert.deepStrictEqual(inbox.take(), ["a", "c", "throws", "d", "f"])
    assert.deepStrictEqual(seen, ["b1", "c1", "throws1", "d1", "second d", "e1", "second e", "second f"])
  })

  it("`claim` gives the very array when nothing is claimed", () => {
    const { inbox } = rig(Codec.text)
    const messages = ["a", "b"]
    assert.strictEqual(inbox.claim(messages, 1), messages)
    inbox.addTap({ claim: (message, epoch) => message === "a" && epoch === 2 })
    assert.strictEqual(inbox.claim(messages, 1), messages)
    assert.deepStrictEqual(inbox.claim(messages, 2), ["b"])
  })

  it("a tap that takes, in the middle of a turn, gets nothing rather than a part of it", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const got: Array<unknown> = []
    inbox.addTap({
      claim: () => {
        got.push(inbox.take(), inbox.takeOne())
        return false
      }
    })
    pushAll(inbox, lane(1), ["a"])
    turn()
    assert.deepStrictEqual(got, [undefined, undefined])
    assert.deepStrictEqual(inbox.take(), ["a"])
  })

  it("what a source delivers while a tap looks stands behind the turn, and is seen too", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const one = lane(1)
    const seen: Array<string> = []
    inbox.addTap({
      claim: (message) => {
        seen.push(message)
        if (message === "a") pushAll(inbox, one, ["c"])
        return false
      }
    })
    pushAll(inbox, one, ["a", "b"])
    turn()
    pushAll(inbox, one, ["d"])
    assert.deepStrictEqual(inbox.take(), ["a", "b", "c", "d"])
    assert.deepStrictEqual(seen, ["a", "b", "c", "d"])
  })

  it("a source held back for messages that a tap claims is let go in the same turn", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const { calls, source } = sourceOf()
    inbox.attach(source)
    inbox.addTap({ claim: () => true })
    pushAll(inbox, lane(1), [sized("a", 200)])
    assert.deepStrictEqual(calls, ["pause"])
    turn()
    assert.deepStrictEqual(calls, ["pause", "resume"])
  })
})

describe("what came before its session was ready", () => {
  it("is put in decoded, in order, with its bytes, and is not shown to taps again", () => {
    const { inbox, lane, turn } = rig(Codec.text)
    const { calls, source } = sourceOf()
    inbox.attach(source)
    inbox.pushDecoded(1, ["a", "b", "c"], 10)
    assert.strictEqual(inbox.bytes, 10)
    inbox.addTap({ claim: (message) => message === "d" })
    inbox.pushDecoded(1, ["d"], 90)
    pushAll(inbox, lane(1), ["d", "e"])
    assert.deepStrictEqual(calls, ["pause"])
    turn()
    assert.deepStrictEqual(inbox.take(), ["a", "b", "c", "d", "e"])
    assert.deepStrictEqual(calls, ["pause", "resume"])
  })
})

describe("options", () => {
  it("are checked by name", () => {
    const path = (options: Public.Options<string>) => Public.check(options, "prices")?.path
    assert.isUndefined(path({}))
    assert.isUndefined(path({ highWaterMark: 1, maxStall: "1 second", overflow: { shed: Public.dropNewest } }))
    assert.isUndefined(path({ overflow: { shed: Public.conflate, key: (message) => message } }))
    assert.deepStrictEqual(path({ highWaterMark: 0 }), ["inbox", "highWaterMark"])
    assert.deepStrictEqual(path({ maxStall: 0 }), ["inbox", "maxStall"])
    for (const overflow of [
      "drop",
      "dropNewest",
      null,
      {},
      { shed: 1 },
      { shed: Public.conflate },
      { shed: Public.conflate, key: "id" }
    ]) {
      assert.deepStrictEqual(path({ overflow: overflow as never }), ["inbox", "overflow"])
    }
  })

  it("entries that are messages are told apart", () => {
    assert.isTrue(Public.isMessage(Public.message(1, "a")))
    assert.isFalse(Public.isMessage(Public.lagged(1)))
  })
})
