/**
 * What the constructors of faults have in common.
 */
import * as Duration from "effect/Duration"
import type { Fault, Way, Where } from "../Fault.ts"

export const at = ({ host, process }: Where): Where => ({
  ...(host === undefined ? {} : { host }),
  ...(process === undefined ? {} : { process })
})
export const towards = (_tag: "Stall" | "Partition" | "HalfOpen", options: Way): Fault => ({
  _tag,
  direction: options.direction ?? "both",
  ...at(options)
})
export const millis = (input: Duration.Input): number => Duration.toMillis(Duration.fromInputUnsafe(input))
