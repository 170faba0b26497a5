/** The wire's frames as text: JSON, each with the `t` that says what it is. */
import * as Codec from "kharbranth/Codec"
import type { Frame, Request } from "../../src/internal/wire/wire.ts"

const isFrame = (value: unknown): value is Frame =>
  typeof value === "object" && value !== null && "t" in value && typeof value.t === "string"

/** A frame that is none is left out: the next one of its kind says what it would have said. */
export const codec: Codec.Codec<Frame, Request> = Codec.make<Frame, Request>({
  encode: (request) => JSON.stringify(request),
  decode: (text) => {
    const value: unknown = JSON.parse(String(text))
    return isFrame(value) ? value : new Codec.Failure("a frame of the dashboard is an object with a text `t`")
  },
  onDecodeError: "skip"
})
