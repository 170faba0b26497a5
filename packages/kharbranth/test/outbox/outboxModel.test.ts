// Proves the rules of delivery over random lives of an outbox: every message
// has exactly one outcome, what was never written is never unknown, what was
// acknowledged is confirmed, lanes keep their order over sessions, only what
// may be replayed is written twice, bounds hold, and nothing is lost uncounted.
// Then proves that the judge would see it if they were broken.
import type { Admission } from "../../src/internal/outbox/admission.ts"
import { confirmationList, type ConfirmationList } from "../../src/internal/outbox/confirmations.ts"
import { assert, describe, it } from "@effect/vitest"
import { attempt, lives, type Mutant } from "./outboxModel.ts"

lives(100)

const admissionOf = (outbox: object): Admission => (outbox as { readonly admission: Admission }).admission
const confirmationsOf = (outbox: object): ConfirmationList =>
  admissionOf(outbox).confirmWith(confirmationList) as ConfirmationList

const mutants: ReadonlyArray<Mutant> = [
  {
    name: "nothing is replayed",
    outbox: (o) =>
      void (confirmationsOf(o).takeBack = (all) => all.forEach((e) => admissionOf(o).settle(e, { _tag: "Unknown" })))
  },
  { name: "acks are ignored", outbox: (o) => void (confirmationsOf(o).acknowledge = () => {}) },
  {
    name: "what waits at the end is unknown",
    outbox: (o) => {
      const admission = admissionOf(o)
      const end = admission.end.bind(admission)
      admission.end = (entry, delivery, reason) =>
        end(entry, delivery._tag === "Failed" ? { _tag: "Unknown" } : delivery, reason)
    }
  },
  {
    name: "a pong confirms what was written after the ping",
    outbox: (o) => {
      const ledger = confirmationsOf(o)
      const ponged = ledger.ponged.bind(ledger)
      ledger.ponged = (record, seq) => ponged(record, seq + 1)
    }
  },
  {
    name: "replays go last",
    outbox: (o) => {
      const { queue } = admissionOf(o)
      confirmationsOf(o).putBack = (entries) => entries.toReversed().forEach((entry) => queue.put(entry))
    }
  },
  {
    name: "data goes before control",
    outbox: (o) => {
      const { queue } = admissionOf(o)
      const { control, data } = queue.lanes
      queue.first = () => data.replays.head ?? data.fresh.head ?? control.replays.head ?? control.fresh.head
    }
  },
  {
    name: "a keyed message goes to the end",
    outbox: (o) => {
      const { queue } = admissionOf(o)
      queue.replace = (old, entry) => {
        const wasSuspended = queue.isSuspended(old)
        queue.remove(old)
        if (wasSuspended) queue.suspend(entry)
        else queue.put(entry)
        return wasSuspended ? "suspended" : "waits"
      }
    }
  },
  {
    name: "nothing expires on the way out",
    outbox: (o) => {
      const admission = admissionOf(o)
      admission.next = () => {
        admission.admit()
        return admission.queue.first()
      }
      admission.expireAll = () => Infinity
    }
  },
  {
    name: "bytes are not bounded",
    outbox: (o) => {
      const { room } = admissionOf(o)
      room.fits = (count) => room.count + count <= room.capacity
    }
  },
  {
    name: "room is not given back",
    outbox: (o) => {
      const { room } = admissionOf(o)
      room.give = () => void room.count--
    }
  },
  { name: "whenDown is forgotten", outbox: (o) => void (admissionOf(o).down = () => {}) },
  { name: "withdrawn messages are written", outbox: (o) => void (o["withdraw"] = () => {}) },
  { name: "drops are not counted", outbox: (o) => void (admissionOf(o).lose = () => {}) },
  { name: "the meter is not asked", writer: (w) => void (w["allows"] = () => true) },
  { name: "the mark is passed", writer: (w) => void (w.room = () => 1_000) },
  {
    name: "a clean end confirms nothing",
    outbox: (o) => {
      const detach = o.detach.bind(o)
      o.detach = (writer) => detach(writer, { clean: false })
    }
  }
]

describe("mutants", () => {
  for (const mutant of mutants) {
    it(mutant.name, () => {
      for (let seed = 1; seed <= 100; seed++) if (attempt(seed, mutant) !== undefined) return
      assert.fail("nobody noticed")
    })
  }
})
