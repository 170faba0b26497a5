/**
 * The suite that every transport runs: what `Transport` promises, as cases that
 * know no test runner. A transport's own test provides the transport and a
 * `Rig`: a real peer that the cases control.
 *
 * @since 0.1.0
 */
import * as ending from "./internal/conformance/ending.ts"
import * as flow from "./internal/conformance/flow.ts"
import * as messages from "./internal/conformance/messages.ts"
import * as opening from "./internal/conformance/opening.ts"
import * as safety from "./internal/conformance/safety.ts"
import type { Case, Need } from "./TransportRig.ts"

/**
 * Every case. No case sleeps, so they run on a real clock and on a virtual one.
 *
 * @category cases
 * @since 0.1.0
 */
export const cases: ReadonlyArray<Case> = [
  ...opening.cases,
  ...messages.cases,
  ...flow.cases,
  ...ending.cases,
  ...safety.cases
]

/**
 * The cases for a transport that can do this much.
 *
 * ```text
 * import { it } from "@effect/vitest"
 *
 * const abilities = { ping: true, pause: true, headers: true, bytes: true, status: true }
 * for (const { name, run } of TransportConformance.casesFor(abilities)) {
 *   it.live(name, () => run.pipe(Effect.provide(MyTransport.layer), Effect.provide(myRig)), 10_000)
 * }
 * ```
 *
 * @example
 * ```ts
 * import * as TransportConformance from "kharbranth/testing/TransportConformance"
 * import { ok } from "node:assert"
 *
 * const abilities = { ping: false, pause: false, headers: false, bytes: false, status: false }
 * ok(TransportConformance.casesFor(abilities).length < TransportConformance.cases.length)
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const casesFor = (abilities: Readonly<Record<Need, boolean>>): ReadonlyArray<Case> =>
  cases.filter(({ needs }) => needs.every((need) => abilities[need]))

export {
  /**
   * @category errors
   * @since 0.1.0
   */
  Broken,
  /**
   * @category services
   * @since 0.1.0
   */
  Rig
} from "./TransportRig.ts"

export type {
  /**
   * @category models
   * @since 0.1.0
   */
  Case,
  /**
   * @category models
   * @since 0.1.0
   */
  Door,
  /**
   * @category models
   * @since 0.1.0
   */
  Listener,
  /**
   * @category models
   * @since 0.1.0
   */
  Need,
  /**
   * @category models
   * @since 0.1.0
   */
  RigPeer
} from "./TransportRig.ts"
