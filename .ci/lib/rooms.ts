/**
 * House checks about rooms: every file of a package stands in a room, rooms
 * stand on floors, and a file imports its own room or a lower floor. Imports of
 * types count: they show what a reader must know first.
 */
import { posix } from "node:path"
import type { Check } from "./check.ts"
import {
  circlesOf,
  type Module,
  modulesOf,
  nameOf,
  type Node,
  packageOf,
  sources,
  targetOf,
  type Tree,
  walk
} from "./tree.ts"

interface House {
  /** Floors, lowest first, each with its rooms. A room is a folder of `src/internal/`. */
  readonly floors: ReadonlyArray<ReadonlyArray<string>>
  /** The room that each public module is the door of. */
  readonly doors: Readonly<Record<string, string>>
  /** Folders of `src/` with a life of their own: they stand above the whole house. */
  readonly annexes: ReadonlyArray<string>
}

const houses: Readonly<Record<string, House>> = {
  "kharbranth": {
    floors: [
      ["kit"],
      ["model"],
      ["options"],
      ["codec", "heartbeat", "reconnect", "rateLimit"],
      ["transport", "lifecycle"],
      ["target", "inbox", "outbox", "platform"],
      ["session"],
      ["connection"],
      ["budget", "requests", "recording"],
      ["manager", "explaining"],
      ["pool"],
      ["subscriptions"]
    ],
    doors: {
      Codec: "codec",
      CodecSchema: "codec",
      Connection: "connection",
      ConnectionError: "model",
      ConnectionEvent: "model",
      ConnectionManager: "manager",
      ConnectionManagerConfig: "manager",
      ConnectionMetrics: "connection",
      ConnectionObserver: "connection",
      ConnectionPool: "pool",
      ConnectionState: "model",
      Delivery: "model",
      DialBudget: "budget",
      Heartbeat: "heartbeat",
      Inbox: "inbox",
      ManagerCommand: "manager",
      ManagerEvent: "manager",
      Message: "model",
      Outbox: "outbox",
      RateLimit: "rateLimit",
      Reconnect: "reconnect",
      Recorder: "recording",
      Replay: "recording",
      Requests: "requests",
      RequestsSchema: "requests",
      Session: "session",
      Subscriptions: "subscriptions",
      Surroundings: "platform",
      Target: "target",
      Transport: "transport",
      Watch: "kit",
      Why: "explaining"
    },
    annexes: ["interop", "testing"]
  },
  "signalr": {
    // `model` and `contract` consist of doors alone.
    floors: [
      ["kit", "model"],
      ["protocol"],
      ["contract", "http"],
      ["channel", "negotiate", "httpTransport"],
      ["calls", "handlers", "dial"],
      ["connection"],
      ["testing"]
    ],
    doors: {
      Handshake: "protocol",
      Hub: "contract",
      HubCodec: "contract",
      HubConnection: "connection",
      HubCredentials: "model",
      HubError: "model",
      HubMessage: "model",
      HubProtocol: "protocol",
      JsonHubProtocol: "protocol",
      LongPollingTransport: "httpTransport",
      MessagePackHubProtocol: "protocol",
      Negotiate: "negotiate",
      ServerSentEventsTransport: "httpTransport",
      TransportChoice: "negotiate"
    },
    annexes: ["testing"]
  },
  "browser": {
    floors: [["link", "page"], ["shared"]],
    doors: { BrowserTransport: "link", PageLifecycle: "page", SharedTransport: "shared" },
    annexes: []
  },
  "feeds": {
    // `model` and `venues` consist of doors alone.
    floors: [["kit"], ["model"], ["json", "rest"], ["book"], ["venue"], ["venues", "line", "recording"], ["feed"]],
    doors: {
      "Book": "book",
      "Checksum": "model",
      "Depth": "book",
      "Feed": "feed",
      "FeedError": "model",
      "FeedEvent": "model",
      "FeedSchema": "model",
      "Recording": "recording",
      "Rest": "rest",
      "Sequencer": "model",
      "Topic": "model",
      "Venue": "venue",
      "Venues": "venues",
      "venues/BinanceSpot": "venues",
      "venues/BinanceUsdm": "venues",
      "venues/Bitfinex": "venues",
      "venues/Bitget": "venues",
      "venues/Bybit": "venues",
      "venues/Coinbase": "venues",
      "venues/Deribit": "venues",
      "venues/Gate": "venues",
      "venues/Hyperliquid": "venues",
      "venues/Kraken": "venues",
      "venues/Kucoin": "venues",
      "venues/Okx": "venues"
    },
    annexes: ["simulator"]
  },
  "telemetry": {
    floors: [["instruments"], ["groups"], ["telemetry"], ["exporters"]],
    doors: { Instruments: "instruments", Otlp: "exporters", Prometheus: "exporters", Telemetry: "telemetry" },
    annexes: []
  },
  "devtools": {
    // `model` consists of doors alone.
    floors: [["model", "wire"], ["fleet", "faults"], ["viewer"], ["server"]],
    doors: { Devtools: "server", DevtoolsError: "model" },
    annexes: []
  },
  "cluster": {
    // `model` consists of doors alone.
    floors: [
      ["kit", "model"],
      ["store", "fence", "engine", "entries"],
      ["holder", "names", "budget"],
      ["fleet", "bus"]
    ],
    doors: {
      Cluster: "engine",
      ClusterManager: "fleet",
      Fleet: "fleet",
      FleetBus: "bus",
      FleetError: "model",
      FleetEvent: "model",
      FleetKind: "names",
      FleetStore: "store",
      Lease: "model",
      SqlFleetStore: "store",
      Watchdog: "model"
    },
    annexes: ["testing"]
  },
  "cluster-node": {
    // `model` consists of doors alone.
    floors: [["model"], ["setup", "watchdog"], ["fleet"]],
    doors: { NodeFleet: "fleet", ProcessWatchdog: "watchdog", SetupError: "model" },
    annexes: []
  },
  "cluster-nats": {
    floors: [["nats"]],
    doors: { NatsBus: "nats" },
    annexes: []
  },
  "node": {
    floors: [["frames"], ["link"], ["dial", "recordings"]],
    doors: { NodeTransport: "dial", RecorderFiles: "recordings" },
    annexes: []
  }
}

const fileLimit = 500
const folderLimit = 12

interface Place {
  readonly room: string
  readonly floor: number
}

/** Where a file of a house stands, or what is wrong with its place. Annexes have no place. */
const placeOf = (house: House, inside: string): Place | string | undefined => {
  const [first = "", second = "", ...rest] = inside.split("/")
  if (inside === "index.ts" || house.annexes.includes(first)) return undefined
  const isBody = first === "internal"
  if (isBody && rest.length === 0) return "stands loose in internal/: give it a room"
  const room = isBody ? second : house.doors[inside.replace(/\.ts$/, "")]
  if (room === undefined) return "is a door without a room: name its room in .ci/lib/rooms.ts"
  const floor = house.floors.findIndex((rooms) => rooms.includes(room))
  return floor < 0 ? `stands in ${room}/, which has no floor in .ci/lib/rooms.ts` : { room, floor }
}

const sourceOf = (
  path: string
): { readonly house: House; readonly root: string; readonly inside: string } | undefined => {
  const match = /^(packages\/([^/]+)\/src\/)(.+\.ts)$/.exec(path)
  const house = houses[match?.[2] ?? ""]
  return match === null || house === undefined ? undefined : { house, root: match[1] ?? "", inside: match[3] ?? "" }
}

const upward = (module: Module): ReadonlyArray<string> => {
  const source = sourceOf(module.path)
  if (source === undefined) return []
  const { house, inside, root } = source
  const own = placeOf(house, inside)
  if (own === undefined) return []
  if (typeof own === "string") return [`${module.path} ${own}`]
  return module.imports.flatMap((found) => {
    if (!found.specifier.startsWith(".")) return []
    const target = targetOf(module, found.specifier)
    const other = target.startsWith(root) ? placeOf(house, target.slice(root.length)) : undefined
    if (other === undefined)
      return [`${module.path}:${found.line} imports ${found.specifier}, which is above the house`]
    if (typeof other === "string" || other.room === own.room || other.floor < own.floor) return []
    return [`${module.path}:${found.line} (${own.room}) imports ${found.specifier} (${other.room}): not a lower floor`]
  })
}

const floors: Check = {
  name: "a file imports its own room or a lower floor, types included",
  complaints: (tree) => modulesOf(tree, sources).flatMap(upward),
  rejects: [
    { "packages/kharbranth/src/internal/kit/a.ts": `import type { B } from "../model/b.ts"` },
    { "packages/kharbranth/src/internal/kit/a.ts": `import type * as Connection from "../../Connection.ts"` },
    { "packages/kharbranth/src/internal/inbox/a.ts": `import { b } from "../outbox/b.ts"` },
    { "packages/kharbranth/src/Codec.ts": `export { a } from "./internal/inbox/a.ts"` },
    { "packages/kharbranth/src/internal/session/a.ts": `import "../../testing/TestNetwork.ts"` },
    { "packages/kharbranth/src/internal/a.ts": `` },
    { "packages/kharbranth/src/internal/attic/a.ts": `` },
    { "packages/kharbranth/src/Attic.ts": `` }
  ],
  accepts: [
    {
      "packages/kharbranth/src/internal/inbox/a.ts": `import { b } from "./b.ts"\nimport type { C } from "../codec/c.ts"\nimport * as Inbox from "../../Inbox.ts"`,
      "packages/kharbranth/src/interop/Socket.ts": `import * as Connection from "../Connection.ts"`
    }
  ]
}

// ------------------------------------------------------------------- circles

/** The files behind the doors that a file behind the doors imports. */
const bodiesBehind = (module: Module): ReadonlyArray<string> =>
  module.imports
    .filter(({ specifier }) => specifier.startsWith("."))
    .map(({ specifier }) => targetOf(module, specifier))
    .filter((target) => target.includes("/src/internal/"))

const circles: Check = {
  name: "behind the doors no files import each other in a circle, types included",
  complaints: (tree) =>
    circlesOf(modulesOf(tree, /^packages\/[^/]+\/src\/internal\//), bodiesBehind).map(
      (circle) => `${circle.join(" imports ")}: let one of them name only what it needs`
    ),
  rejects: [
    {
      "packages/kharbranth/src/internal/kit/a.ts": `import type { B } from "./b.ts"`,
      "packages/kharbranth/src/internal/kit/b.ts": `import type { C } from "./c.ts"`,
      "packages/kharbranth/src/internal/kit/c.ts": `import { a } from "./a.ts"`
    }
  ],
  accepts: [
    {
      "packages/kharbranth/src/Watch.ts": `import { a } from "./internal/kit/a.ts"`,
      "packages/kharbranth/src/internal/kit/a.ts": `import type { Watch } from "../../Watch.ts"\nimport { b } from "./b.ts"`,
      "packages/kharbranth/src/internal/kit/b.ts": `export const b = 1`
    }
  ]
}

// --------------------------------------------------------------- who is apart

/** Parts of a package that prove each other and therefore share no code. */
const apart: Readonly<Record<string, ReadonlyArray<string>>> = { feeds: ["simulator/"] }

const sharing = (module: Module): ReadonlyArray<string> => {
  const source = sourceOf(module.path)
  const parts = apart[packageOf(module.path)] ?? []
  if (source === undefined) return []
  return parts.flatMap((part) =>
    module.imports.flatMap(({ line, specifier }) => {
      if (!specifier.startsWith(".")) return []
      const isInside = targetOf(module, specifier).startsWith(source.root + part)
      return source.inside.startsWith(part) !== isInside
        ? [`${module.path}:${line} imports ${specifier}: ${part} and the rest share no code`]
        : []
    })
  )
}

const independent: Check = {
  name: "simulators and adapters share no code",
  complaints: (tree) => modulesOf(tree, sources).flatMap(sharing),
  rejects: [
    { "packages/feeds/src/simulator/internal/wire/a.ts": `import { crc32 } from "../../../Checksum.ts"` },
    { "packages/feeds/src/simulator/A.ts": `import type { Topic } from "../Topic.ts"` },
    { "packages/feeds/src/venues/A.ts": `import { assets } from "../simulator/Market.ts"` }
  ],
  accepts: [{ "packages/feeds/src/simulator/A.ts": `import { b } from "./internal/wire/b.ts"` }]
}

// ------------------------------------------------------------------- folders

const folders: Check = {
  name: `a room has 1 to ${folderLimit} files in a folder`,
  complaints: (tree) => {
    const counts = new Map<string, number>()
    for (const path of tree.keys()) {
      if (!/^packages\/[^/]+\/src\/internal\/.+\.ts$/.test(path)) continue
      const folder = posix.dirname(path)
      if (sourceOf(path) !== undefined) counts.set(folder, (counts.get(folder) ?? 0) + 1)
    }
    return [...counts]
      .filter(([, count]) => count > folderLimit)
      .map(([folder, count]) => `${folder} has ${count} files: it holds more than one thing`)
  },
  rejects: [
    Object.fromEntries(
      Array.from({ length: folderLimit + 1 }, (_, n) => [`packages/kharbranth/src/internal/kit/a${n}.ts`, ""])
    )
  ],
  accepts: [{ "packages/kharbranth/src/internal/kit/a.ts": "" }]
}

// --------------------------------------------------------------- whose state

/** State that one file alone assigns: by package and property. */
const owners: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  kharbranth: {
    lifecycle: "packages/kharbranth/src/internal/connection/run/supervisor.ts",
    stage: "packages/kharbranth/src/internal/session/session.ts"
  },
  signalr: {
    phase: "packages/signalr/src/internal/channel/channel.ts",
    stopping: "packages/signalr/src/internal/channel/channel.ts"
  }
}

/** State that nobody assigns: it is derived. */
const derived: Readonly<Record<string, ReadonlyArray<string>>> = { kharbranth: ["gate"] }

const assigned = (module: Module): ReadonlyArray<string> => {
  const found: Array<string> = []
  const name = packageOf(module.path)
  const [own = {}, none = []] = [owners[name], derived[name]]
  walk(module.body, (node) => {
    const left = (node["left"] ?? {}) as Node
    if (node.type !== "AssignmentExpression" || left.type !== "MemberExpression") return
    const property = nameOf(left["property"])
    const owner = Object.hasOwn(own, property) ? own[property] : undefined
    if (owner !== undefined && owner !== module.path)
      found.push(`${module.path} assigns .${property}: only ${owner} may`)
    if (none.includes(property))
      found.push(`${module.path} assigns .${property}: it follows from the lifecycle's phase`)
  })
  return found
}

const ownState: Check = {
  name: "an object's state is assigned in its own file only",
  complaints: (tree) => modulesOf(tree, /^packages\/[^/]+\/src\/(?!testing\/|interop\/)/).flatMap(assigned),
  rejects: [
    { "packages/kharbranth/src/internal/connection/use/a.ts": `export const a = (self) => { self.lifecycle = 1 }` },
    { "packages/kharbranth/src/internal/connection/run/a.ts": `export const a = (s) => { s.stage = "Over" }` },
    { "packages/kharbranth/src/internal/session/session.ts": `export const a = (s) => { s.gate = "Stable" }` },
    { "packages/signalr/src/internal/calls/a.ts": `export const a = (channel) => { channel.phase = "Over" }` }
  ],
  accepts: [
    { "packages/kharbranth/src/internal/session/session.ts": `export class A { b() { this.stage = "Ready" } }` },
    { "packages/kharbranth/src/internal/session/a.ts": `export const a = (session) => session.stage === "Ready"` }
  ]
}

// ---------------------------------------------------------------------- size

const lines = (text: string): number => text.replace(/\n$/, "").split("\n").length

/** A door is a public module: a table of one kind of thing reads better whole. */
const isDoor = (path: string): boolean => !/\/(?:internal|testing)\//.test(path)

const longFiles: Check = {
  name: `no source file over ${fileLimit} lines, doors exempt`,
  complaints: (tree: Tree) =>
    [...tree]
      .filter(([path, text]) => /^packages\/[^/]+\/src\/.+\.ts$/.test(path) && !isDoor(path) && lines(text) > fileLimit)
      .map(([path, text]) => `${path} has ${lines(text)} lines`),
  rejects: [{ "packages/node/src/internal/a.ts": "\n".repeat(fileLimit + 1) }],
  accepts: [
    { "packages/node/src/internal/a.ts": "\n".repeat(fileLimit) },
    { "packages/node/src/A.ts": "\n".repeat(fileLimit + 1) }
  ]
}

export const roomChecks: ReadonlyArray<Check> = [floors, circles, independent, folders, ownState, longFiles]
