/**
 * Frames past a connection's codec: the manager sends by name without knowing
 * what a connection carries.
 */
import type * as Codec from "../Codec.ts"
import type { Frame } from "../Message.ts"
import type * as Outbox from "../Outbox.ts"

export class Raw {
  readonly frame: Frame

  constructor(frame: Frame) {
    this.frame = frame
  }
}

const isRaw = (message: unknown): message is Raw => message instanceof Raw

/** The same codec, which also takes frames as they are. */
export const codec = <In, Out>(inner: Codec.Codec<In, Out>): Codec.Codec<In, Out | Raw> => ({
  ...inner,
  encode: (message) => (isRaw(message) ? message.frame : inner.encode(message))
})

/** Frames past the codec have no id that the application would know. */
export const outbox = <In, Out>(
  options: Outbox.Options<In, Out> | undefined
): Outbox.Options<In, Out | Raw> | undefined => {
  if (options?.acks === undefined) return options as Outbox.Options<In, Out | Raw> | undefined
  const { id, match } = options.acks
  return { ...options, acks: { id: (message) => (isRaw(message) ? undefined : id(message)), match } }
}
