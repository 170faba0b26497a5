/**
 * Carries the entries of a fleet over NATS.
 *
 * @since 0.1.0
 */
export * as NatsBus from "./NatsBus.ts"
