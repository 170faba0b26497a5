/**
 * Frames past a connection's codec: the manager sends by name without knowing
 * what a connection carries.
 */
import type * as Codec from "../../Codec.ts"
import type { Frame } from "../../Message.ts"
import type * as Outbox from "../../Outbox.ts"

export class Raw {
  readonly frame: Frame

  constructor(frame: Frame) {
    this.frame = frame
  }
}

const isRaw = (message: unknown): message is Raw => message instanceof Raw

// A fleet has few codecs.
const known = new WeakMap<Codec.Any, Codec.Codec<unknown, unknown>>()

/** The same codec, which also takes frames as they are. */
export const codec = (inner: Codec.Codec<unknown, unknown>): Codec.Codec<unknown, unknown> => {
  const found = known.get(inner)
  if (found !== undefined) return found
  const made: Codec.Codec<unknown, unknown> = {
    ...inner,
    encode: (message) => (isRaw(message) ? message.frame : inner.encode(message))
  }
  known.set(inner, made)
  return made
}

/** Frames past the codec have no id that the application would know. */
export const outbox = <In, Out>(
  options: Outbox.Options<In, Out> | undefined
): Outbox.Options<In, Out | Raw> | undefined => {
  if (options?.acks === undefined) return options as Outbox.Options<In, Out | Raw> | undefined
  const { id, match } = options.acks
  return { ...options, acks: { id: (message) => (isRaw(message) ? undefined : id(message)), match } }
}
