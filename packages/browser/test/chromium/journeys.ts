/** The page of the journeys: runs one of them by its name, against the server that the page came from. */
import * as BrowserTransport from "@kharbranth/browser/BrowserTransport"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { journeys } from "../journeys/programs.ts"
import * as World from "../journeys/world.ts"
import { expose } from "../rig/bridge.ts"

expose({
  run: (name: string) =>
    journeys[name]!(World.at(location.origin)).pipe(
      Effect.scoped,
      Effect.provide([BrowserTransport.layer(), FetchHttpClient.layer])
    )
})
