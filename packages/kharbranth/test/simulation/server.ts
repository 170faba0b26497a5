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

// After a login the feed is busy for so long: what it says then may reach two sessions of one client.
const busy = 1000

/** Numbers what it says to all who listen: what one login misses, or hears by two sockets, shows in the numbers. */
export class Feed {
  private readonly random: Seeded.Seeded
  private readonly plan: Plan
  private readonly logins = new Set<Peer>()
  private said = 0
  private busyUntil = 0

  constructor(plan: Plan, random: Seeded.Seeded) {
    this.plan = plan
    this.random = random
  }

  join(peer: Peer, now: number): void {
    this.logins.add(peer)
    this.busyUntil = now + busy
  }

  leave(peer: Peer): void {
    this.logins.delete(peer)
  }

  readonly talk: Effect.Effect<never> = Effect.forever(
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      if (!isSilent(this.plan, now)) this.say()
      const isBusy = this.logins.size > 1 && now < this.busyUntil
      return Effect.sleep(this.random.between(1, isBusy ? 60 : 2 * this.plan.server.pushEvery))
    })
  )

  private say(): void {
    if (this.logins.size === 0) return
    const text = History.said(++this.said)
    for (const peer of this.logins) peer.sendUnsafe([text])
  }
}

const isSilent = ({ healedAt }: Plan, now: number): boolean => now >= healedAt && now < healedAt + silence

export const script =
  (plan: Plan, random: Seeded.Seeded, feed: Feed, note: (fact: History.Fact) => void) =>
  (peer: Peer): Effect.Effect<void> =>
    Effect.gen(function* () {
      const { epoch } = peer.request
      const services = yield* Effect.context()
      const crash = () => Effect.runSyncWith(services)(peer.reset)
      const clock = yield* Clock.clockWith(Effect.succeed)
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
        else if (text === History.hello) {
          peer.sendUnsafe([`S:${epoch}:early`, History.welcome])
          feed.join(peer, clock.currentTimeMillisUnsafe())
        }
        const pulse = History.pulseFor(text)
        if (pulse !== undefined) peer.sendUnsafe([pulse])
      }

      note({ e: "accepts", epoch, n: peer.id })
      yield* peer.listen({
        frame: hear,
        ended: () => {
          over = true
          feed.leave(peer)
        }
      })
      if (!plan.handshake) feed.join(peer, clock.currentTimeMillisUnsafe())
      while (!over) {
        const now = yield* Clock.currentTimeMillis
        if (now >= plan.healedAt + silence) owed.push(...lost.splice(0))
        for (const n of owed.splice(0)) acknowledge(n)
        const size = Math.floor(random.between(0, random.next() < 0.05 ? 4000 : 60))
        if (!isSilent(plan, now)) peer.sendUnsafe([`S:${epoch}:${++pushed}:${"-".repeat(size)}`])
        yield* Effect.sleep(random.between(0, 2 * plan.server.pushEvery))
      }
    })
