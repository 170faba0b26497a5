/** The server's half of the handshake: reads the request, however it is cut, and says yes or no. */
import type { Frame } from "kharbranth/Message"
import type { HubProtocol } from "../../HubProtocol.ts"
import { parseObject } from "../kit/json.ts"
import { separator } from "../protocol/textSplitter.ts"

export type Step =
  | { readonly _tag: "Accepted"; readonly protocol: HubProtocol; readonly rest: Frame }
  | { readonly _tag: "Refused"; readonly error: string }

export interface HandshakeReader {
  /** `undefined` while the request is unfinished. */
  push(frame: Frame): Step | undefined
}

export const makeHandshakeReader = (protocols: ReadonlyArray<HubProtocol>): HandshakeReader => {
  let text = ""
  const refused = (error: string): Step => ({ _tag: "Refused", error })
  return {
    push: (frame) => {
      // Latin-1 keeps bytes and characters in step; a request is ASCII.
      const piece = typeof frame === "string" ? frame : new TextDecoder("latin1").decode(frame)
      const at = piece.indexOf(separator)
      text += at === -1 ? piece : piece.slice(0, at)
      if (at === -1) return undefined
      const { protocol: name, version } = parseObject(text) ?? {}
      if (typeof name !== "string" || typeof version !== "number") {
        return refused("An unexpected error occurred during connection handshake.")
      }
      const protocol = protocols.find((one) => one.name === name)
      if (protocol === undefined) return refused(`The protocol '${name}' is not supported.`)
      if (version > protocol.version)
        return refused(`The server does not support version ${version} of the '${name}' protocol.`)
      const rest = typeof frame === "string" ? frame.slice(at + 1) : frame.subarray(at + 1)
      return { _tag: "Accepted", protocol, rest }
    }
  }
}
