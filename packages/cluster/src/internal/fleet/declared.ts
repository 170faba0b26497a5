/**
 * The kind of names that a configuration declares: its params are one entry of
 * `connections`, as JSON, so every process can open them. Nobody reads them, but
 * by `Fleet.entries`.
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Codec from "kharbranth/Codec"
import * as ConnectionManager from "kharbranth/ConnectionManager"
import * as FleetKind from "../../FleetKind.ts"

/** Options with a codec of their own, which the connection uses in place of the kind's. */
const optionsOf = (params: unknown, name: string) => {
  const [declaration] = Result.getOrThrow(ConnectionManager.parse({ connections: { [name]: params } }))
  const { startup: _, tags: __, ...options } = ConnectionManager.optionsOf(declaration!)
  return options
}

/** Every layer has it; no kind of yours may have its id. */
export const Declared = FleetKind.make("kharbranth/declared", {
  params: Schema.Record(Schema.String, Schema.Json),
  codec: Codec.frames,
  open: (params, { name }) => optionsOf(params, name) as unknown as { readonly target: string }
})
