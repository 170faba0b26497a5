/**
 * What a codec makes of a message: a frame, or the error that its sender gets.
 * A codec is users' code: it may throw, and give what is no frame.
 */
import { EncodeError, foreign } from "../../ConnectionError.ts"
import type { Frame } from "../../Message.ts"
import { isFrame } from "../model/frame.ts"
import { Failure } from "../model/json.ts"

type Encode<Out> = (message: Out) => Frame | Failure

const run = <Out>(encode: Encode<Out>, message: Out): Frame | Failure => {
  try {
    const made = encode(message)
    return isFrame(made) || made instanceof Failure ? made : new Failure("it became neither text nor bytes")
  } catch (thrown) {
    return new Failure("the codec threw", thrown)
  }
}

export const encoded = <Out>(connection: string, encode: Encode<Out>, message: Out): Frame | EncodeError => {
  const made = run(encode, message)
  return made instanceof Failure ? new EncodeError({ connection, issue: made.issue, cause: foreign(made.cause) }) : made
}
