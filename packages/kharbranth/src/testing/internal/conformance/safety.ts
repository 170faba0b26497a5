/**
 * Conformance: what cannot be dialed is a typed failure, and no failure shows a
 * secret, however it is printed.
 */
import * as Effect from "effect/Effect"
import type { Case } from "../../TransportRig.ts"
import { Rig } from "../../TransportRig.ts"
import { connect, expect, failToConnect, finish, make } from "./client.ts"

const invalid = (error: { readonly _tag: string }, what: string) =>
  expect(error._tag === "InvalidOptions" || error._tag === "DialFailed", `${what} failed as ${error._tag}`)

const badUrls = ["", "not a url", "/relative", "ftp://feed.example/", "wss://", "wss://feed.example:99999/"]

const badUrl = make(
  "a url that cannot be dialed is a typed failure",
  Effect.forEach(badUrls, (url) => Effect.flatMap(failToConnect(url), (error) => invalid(error, `the url "${url}"`)), {
    discard: true
  })
)

const badSubprotocol = make(
  "a subprotocol that cannot be sent is a typed failure",
  Effect.gen(function* () {
    const listener = yield* (yield* Rig).listen({ _tag: "Accept" })
    for (const subprotocols of [["a b"], ["line\r\nbreak"], ["twice", "twice"]]) {
      yield* invalid(yield* failToConnect(listener.url, { subprotocols }), "a bad subprotocol")
    }
  })
)

const badHeader = make(
  "a header that cannot be sent is a typed failure",
  Effect.gen(function* () {
    const listener = yield* (yield* Rig).listen({ _tag: "Accept" })
    for (const headers of [{ "x-key": "line\r\nx-evil: 1" }, { "bad name": "x" }, { "x-key": "nul\u0000" }]) {
      yield* invalid(yield* failToConnect(listener.url, { headers }), "a bad header")
    }
  }),
  ["headers"]
)

const secret = "sEcReT-5f2a91"

/** Every string that can be reached from a value, as far as JavaScript lets one look. */
const stringsIn = (root: unknown): ReadonlyArray<string> => {
  const seen = new Set<object>()
  const found: Array<string> = []
  const look = (value: unknown): void => {
    if (typeof value === "string") found.push(value)
    if (value === null || typeof value !== "object" || seen.has(value)) return
    seen.add(value)
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === "string") found.push(key)
      const property = Reflect.getOwnPropertyDescriptor(value, key)
      look(property?.get === undefined ? property?.value : property.get.call(value))
    }
  }
  look(root)
  return found
}

/** Fails if a secret is in any printed form of an error, or anywhere inside it. */
const keepsSecrets = (error: Error, where: string) =>
  Effect.gen(function* () {
    const { inspect } = yield* Rig
    const printed = [String(error), error.message, error.stack ?? "", JSON.stringify(error), ...stringsIn(error)]
    if (inspect !== undefined) printed.push(inspect(error))
    yield* expect(!printed.some((text) => text.includes(secret)), `a secret shows in the failure of ${where}`)
  })

const withSecrets = (url: string) => {
  const planted = new URL(url)
  planted.searchParams.set("token", secret)
  return planted.toString()
}

const secretsAtDial = make(
  "no failure of a dial shows a secret of the url",
  Effect.gen(function* () {
    const rig = yield* Rig
    const rejecting = yield* rig.listen({ _tag: "Reject", status: 403 })
    yield* keepsSecrets(yield* failToConnect(withSecrets(rig.nowhere)), "a refused dial")
    yield* keepsSecrets(yield* failToConnect(withSecrets(rejecting.url)), "a refused upgrade")
    for (const url of [`${secret} no url`, `ftp://${secret}@feed.example/`, `wss://feed.example:99999/?t=${secret}`]) {
      yield* keepsSecrets(yield* failToConnect(url), "a bad url")
    }
  })
)

const secretsInOptions = make(
  "no failure of a dial shows a secret of its headers and subprotocols",
  Effect.gen(function* () {
    const rig = yield* Rig
    const rejecting = yield* rig.listen({ _tag: "Reject", status: 401 })
    const headers = { authorization: `Bearer ${secret}` }
    yield* keepsSecrets(yield* failToConnect(rig.nowhere, { headers }), "a refused dial")
    yield* keepsSecrets(yield* failToConnect(rejecting.url, { headers }), "a refused upgrade")
    yield* keepsSecrets(yield* failToConnect(rejecting.url, { headers: { "x-key": `${secret}\n` } }), "a bad header")
    yield* keepsSecrets(
      yield* failToConnect(rejecting.url, { subprotocols: [`bearer.${secret}`] }),
      "a refused upgrade"
    )
  }),
  ["headers"]
)

const pairWithSecret = Effect.gen(function* () {
  const listener = yield* (yield* Rig).listen({ _tag: "Accept" })
  const client = yield* connect(withSecrets(listener.url))
  return { client, peer: yield* listener.peer }
})

const secretsAtEnd = make(
  "no end of a link shows a secret of the url or of the close reason",
  Effect.gen(function* () {
    const left = yield* pairWithSecret
    yield* left.peer.close(4000, secret)
    yield* keepsSecrets(yield* left.client.ended, "a closed link")
    yield* finish(left.client)
    const right = yield* pairWithSecret
    yield* right.peer.reset
    yield* keepsSecrets(yield* right.client.ended, "a cut link")
    yield* finish(right.client)
  })
)

export const cases: ReadonlyArray<Case> = [
  badUrl,
  badSubprotocol,
  badHeader,
  secretsAtDial,
  secretsInOptions,
  secretsAtEnd
]
