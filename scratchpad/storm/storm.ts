/**
 * Twenty seconds of trouble, drawn from a seed: what happens to whom, and when.
 */
import { feeds, type Trouble, type Venue, venueOf, venues } from "./wire.ts"

export interface Blow {
  /** Milliseconds from the beginning. */
  readonly at: number
  readonly name: string
  readonly on: string
  /** Done by the server, or by the client's own slow subscribers. */
  readonly trouble:
    | Trouble
    | { readonly _tag: "slowReader"; readonly feeds: ReadonlyArray<string>; readonly millis: number }
}

const randomOf = (seed: number) => {
  let state = Math.imul(seed, 2_654_435_761) | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 4_294_967_296
  }
}

export const draw = (seed: number): ReadonlyArray<Blow> => {
  const random = randomOf(seed)
  const some = (count: number): ReadonlyArray<string> =>
    feeds
      .map((feed) => ({ feed, order: random() }))
      .toSorted((a, b) => a.order - b.order)
      .slice(0, count)
      .map(({ feed }) => feed)
  const venue = (): Venue => venues[Math.floor(random() * venues.length)] ?? "elm"
  const onFeeds = (at: number, name: string, trouble: Extract<Blow["trouble"], { readonly feeds: unknown }>): Blow => ({
    at,
    name,
    on: trouble.feeds.join(" "),
    trouble
  })
  const refused = venue()
  const killed = venue()
  return [
    onFeeds(1000, "kill", { _tag: "kill", feeds: some(5) }),
    onFeeds(2500, "half-open", { _tag: "halfOpen", feeds: some(3) }),
    onFeeds(4500, "accept, then close", { _tag: "acceptThenClose", feeds: some(3), millis: 2000 }),
    onFeeds(6000, "gone bad", { _tag: "goBad", feeds: some(2) }),
    { at: 8000, name: "refuse", on: `all of ${refused}`, trouble: { _tag: "refuse", venue: refused, millis: 2500 } },
    onFeeds(10_500, "slow reader", { _tag: "slowReader", feeds: some(4), millis: 3000 }),
    onFeeds(12_000, "server stops reading", { _tag: "deaf", feeds: some(3), millis: 800 }),
    onFeeds(13_000, "kill", { _tag: "kill", feeds: some(8) }),
    onFeeds(14_000, "half-open", { _tag: "halfOpen", feeds: some(3) }),
    {
      at: 16_000,
      name: "kill",
      on: `all of ${killed}`,
      trouble: { _tag: "kill", feeds: feeds.filter((feed) => venueOf(feed) === killed) }
    },
    onFeeds(17_000, "gone bad", { _tag: "goBad", feeds: some(1) }),
    onFeeds(18_000, "kill", { _tag: "kill", feeds: some(5) })
  ]
}
