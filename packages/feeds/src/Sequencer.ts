/**
 * How a venue numbers the updates of a book, and what a number means after the
 * one before it: apply the update, ignore it, or report a gap.
 *
 * @since 0.1.0
 */

/**
 * A sequence number: a number up to 2^53, a bigint beyond.
 *
 * @category models
 * @since 0.1.0
 */
export type Sequence = number | bigint

/**
 * What mends a gap: a snapshot over HTTP, a new subscription, a new socket, or nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Remedy = "rest" | "resubscribe" | "reconnect" | "ignore"

/**
 * The ways in which venues number updates.
 *
 * - `range`: an update covers `first..last` and must reach back to the one before it.
 * - `chain`: an update names the one that it follows. With `bridge`, the first one
 *   after a snapshot may also cover the snapshot's number.
 * - `counter`: updates of a topic count up by one.
 * - `connection`: all frames of a socket count up by one; `classify` watches them.
 * - `whole`: every frame is a whole book.
 * - `none`: there are no numbers; a checksum is all there is.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "range" | "chain" | "counter" | "connection" | "whole" | "none"

/**
 * @category models
 * @since 0.1.0
 */
export interface Sequencer {
  readonly kind: Kind
  readonly remedy: Remedy
  readonly bridge: boolean
}

/**
 * The numbers of one update.
 *
 * @category models
 * @since 0.1.0
 */
export interface Header {
  readonly kind: "snapshot" | "delta"
  readonly first: Sequence | undefined
  readonly last: Sequence | undefined
  readonly previous: Sequence | undefined
}

/**
 * What has been seen so far: the last number, and whether it is a snapshot's.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly last: Sequence | undefined
  readonly fresh: boolean
}

/**
 * What to do with an update. `snapshot` replaces the book.
 *
 * @category models
 * @since 0.1.0
 */
export type Decision = "snapshot" | "apply" | "ignore" | "gap"

/**
 * Makes a sequencer of a kind with the remedy that a gap wants.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  kind: Kind,
  remedy: Remedy,
  options: { readonly bridge?: boolean | undefined } = {}
): Sequencer => ({
  kind,
  remedy,
  bridge: options.bridge ?? false
})

/**
 * Whether two sequence numbers are the same, be they numbers or bigints.
 *
 * @category combinators
 * @since 0.1.0
 */
export const same = (left: Sequence | undefined, right: Sequence | undefined): boolean =>
  left === right ||
  (typeof left !== typeof right && left !== undefined && right !== undefined && BigInt(left) === BigInt(right))

/**
 * The sequence number after this one.
 *
 * @category combinators
 * @since 0.1.0
 */
export const next = (sequence: Sequence): Sequence =>
  typeof sequence === "bigint"
    ? sequence + 1n
    : sequence < Number.MAX_SAFE_INTEGER
      ? sequence + 1
      : BigInt(sequence) + 1n

/**
 * Decides about one update. It is a pure function: keep the state that you pass in.
 *
 * @example
 * ```ts
 * import * as Sequencer from "@kharbranth/feeds/Sequencer"
 * import { strictEqual } from "node:assert"
 *
 * const counter = Sequencer.make("counter", "resubscribe")
 * const header = { kind: "delta", first: undefined, last: 9, previous: undefined } as const
 * strictEqual(Sequencer.decide(counter, { last: 8, fresh: false }, header), "apply")
 * strictEqual(Sequencer.decide(counter, { last: 7, fresh: false }, header), "gap")
 * ```
 *
 * @category combinators
 * @since 0.1.0
 */
export const decide = (sequencer: Sequencer, state: State, header: Header): Decision => {
  if (header.kind === "snapshot") return "snapshot"
  switch (sequencer.kind) {
    case "range":
      return range(state.last, header)
    case "chain":
      return chain(sequencer, state, header)
    case "counter":
      return counter(state.last, header.last)
    case "connection":
    case "none":
      return "apply"
    case "whole":
      return "snapshot"
  }
}

const range = (at: Sequence | undefined, { first, last }: Header): Decision => {
  if (at === undefined || first === undefined || last === undefined || first > last) return "gap"
  if (last <= at) return "ignore"
  return first <= next(at) ? "apply" : "gap"
}

const chain = (sequencer: Sequencer, { fresh, last: at }: State, { first, last, previous }: Header): Decision => {
  if (at === undefined || last === undefined) return "gap"
  if (previous !== undefined && same(previous, at)) return "apply"
  if (fresh && sequencer.bridge) {
    if (last < at) return "ignore"
    if (first !== undefined && first <= at) return "apply"
  }
  // Only the very same update again is harmless: a lower number may be a restarted count.
  return same(last, at) ? "ignore" : "gap"
}

const counter = (at: Sequence | undefined, last: Sequence | undefined): Decision => {
  if (at === undefined || last === undefined) return "gap"
  if (same(last, at)) return "ignore"
  return same(last, next(at)) ? "apply" : "gap"
}
