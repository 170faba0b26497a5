/**
 * Proves that the scenarios of an older Rust client pass over MessagePack as
 * over JSON, against the test hub server. Against a real server they run
 * where its package can be restored: see `HubConnectionAspNet.interop.ts`.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { json } from "../../src/JsonHubProtocol.ts"
import { messagePack } from "../../src/MessagePackHubProtocol.ts"
import * as HubServer from "../../src/testing/HubServer.ts"
import { connect } from "../support/hub.ts"
import * as rust from "../support/rustScenarios.ts"

describe("Rust scenarios", () => {
  for (const protocol of [json, messagePack]) {
    const open = Effect.gen(function* () {
      const server = yield* HubServer.make({ ...rust, protocols: [json, messagePack] })
      return yield* connect({ url: server.url, contract: rust.contract, protocol })
    })

    it.live(`${protocol.name}: one entity, a hundred, 100,000 streamed, one and two pushed`, () =>
      Effect.flatMap(open, rust.entities)
    )

    it.live(`${protocol.name}: callbacks with and without result, register, unregister, disconnect`, () =>
      Effect.flatMap(open, rust.callbacks)
    )
  }
})
