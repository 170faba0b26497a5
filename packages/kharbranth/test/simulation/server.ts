/**
 * The server of a simulation: records every message that reaches it, answers
 * handshakes and text probes, acknowledges at once or with its next push, loses
 * an acknowledgement now and then, and sometimes crashes right after a message.
 * Once there is peace it makes good what it lost: a message that is kept until it
 * is acknowledged keeps its room in the outbox for as long as its session lives.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Frame } from "kharbranth/Message"
import type { Peer } from "kharbranth/testing/TestNetwork"
import type * as Seeded from "../../src/testing/internal/seeded.ts"
import * as History from "./history.ts"
import type { Plan } from "./plan.ts"

// After the trouble it says nothing for a while: a session that only seems alive because the server talks, with its
// way to the server gone, must show itself. Longer than any heartbeat needs for that, an interval and a deadline
// several times over, and shorter than the time until there must be peace.
const silence = 100_000

export const script =
  (plan: Plan, random: Seeded.Seeded, note: (fact: History.Fact) => void) =>
  (peer: Peer): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { epoch } = peer.request
      const services = yield* Effect.context()
      const crash = () => Effect.runSyncWith(services)(peer.reset)
      const owed: Array<number> = []
      const lost: Array<number> = []
      let pushed = 0
      let over = false

      const acknowledge = (n: number) => {
        if (peer.sendUnsafe([History.ack(n)])) note({ e: "acked", epoch, n })
      }
      const serve = (text: string, n: number) => {
        note({ e: "served", epoch, n })
        if (random.next() < plan.server.crashes) return crash()
        if (!History.wantsAck(text)) return
        if (random.next() < plan.server.losesAck) lost.push(n)
        else if (random.next() < 0.5) acknowledge(n)
        else owed.push(n)
      }
      const hear = (frame: Frame) => {
        const text = String(frame)
        const n = History.numberOf(text)
        if (n !== undefined) serve(text, n)
        else if (text === History.hello) peer.sendUnsafe([`S:${epoch}:early`, History.welcome])
        const pulse = History.pulseFor(text)
        if (pulse !== undefined) peer.sendUnsafe([pulse])
      }

      note({ e: "accepts", epoch, n: peer.id })
      yield* peer.listen({
        frame: hear,
        ended: () => {
          over = true
        }
      })
      while (!over) {
        const now = yield* Clock.currentTimeMillis
        const isSilent = now >= plan.healedAt && now < plan.healedAt + silence
        if (now >= plan.healedAt + silence) owed.push(...lost.splice(0))
        for (const n of owed.splice(0)) acknowledge(n)
        const size = Math.floor(random.between(0, random.next() < 0.05 ? 4000 : 60))
        if (!isSilent) peer.sendUnsafe([`S:${epoch}:${++pushed}:${"-".repeat(size)}`])
        yield* Effect.sleep(random.between(0, 2 * plan.server.pushEvery))
      }
    })
