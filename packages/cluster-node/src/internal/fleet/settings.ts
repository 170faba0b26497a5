/** The options of a process, checked, with what they are by default. */
import { InvalidFleet } from "@kharbranth/cluster/FleetError"
import * as Duration from "effect/Duration"
import type { Address, ClientOptions, Options } from "../../NodeFleet.ts"

export interface Settings {
  readonly address: Address
  readonly listen: Address | undefined
  readonly shards: number
  readonly lockExpiry: Duration.Duration
  readonly healthEvery: Duration.Duration
  readonly joinDebounce: Duration.Duration
}

/** Below this, a slow machine turns late refreshes of locks into shards that move without need. */
const shortestExpiry = 12_000

/** Postgres takes at most 1,664 columns, and the first process asks for every lock in one row. */
const mostShards = 1_600

const invalid = (issue: string, ...path: ReadonlyArray<string>) => new InvalidFleet({ path, issue })

/** Into how many parts names are spread. */
export const shardsOf = ({ shards = 300 }: ClientOptions): number | InvalidFleet =>
  Number.isInteger(shards) && shards > 0 && shards <= mostShards
    ? shards
    : invalid(`expected a whole number between 1 and ${mostShards}`, "shards")

const isPort = (port: number): boolean => Number.isInteger(port) && port > 0 && port < 65_536

export const settingsOf = (options: Options): Settings | InvalidFleet => {
  const spanOf = (key: "healthEvery" | "joinDebounce" | "lockExpiry", otherwise: Duration.Input, least: number) => {
    const span = Duration.fromInput(options[key] ?? otherwise)
    return span._tag === "Some" && Duration.toMillis(span.value) >= least && Duration.isFinite(span.value)
      ? span.value
      : undefined
  }
  const { address, listen } = options
  for (const [key, one] of [
    ["address", address],
    ["listen", listen]
  ] as const) {
    if (one === undefined) continue
    if (one.host === "") return invalid("expected a host name or an IP address", key, "host")
    if (!isPort(one.port)) return invalid("expected a port between 1 and 65535", key, "port")
  }
  const shards = shardsOf(options)
  if (shards instanceof InvalidFleet) return shards
  const lockExpiry = spanOf("lockExpiry", "15 seconds", shortestExpiry)
  if (lockExpiry === undefined) return invalid("expected a duration of at least 12 seconds", "lockExpiry")
  const healthEvery = spanOf("healthEvery", "5 seconds", 1_000)
  if (healthEvery === undefined) return invalid("expected a duration of at least 1 second", "healthEvery")
  const joinDebounce = spanOf("joinDebounce", "3 seconds", 0)
  if (joinDebounce === undefined) return invalid("expected a duration", "joinDebounce")
  return { address, listen, shards, lockExpiry, healthEvery, joinDebounce }
}
