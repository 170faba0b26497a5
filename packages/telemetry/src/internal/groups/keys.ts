/** Which group a connection is counted in. There are at most so many of them, whatever names and servers there are. */
import type { Observed } from "kharbranth/ConnectionObserver"
import type { Attributes } from "./series.ts"

export interface KeyOptions {
  readonly groupOf: (connection: Pick<Observed, "name" | "tags">) => string
  readonly maxGroups: number
  /** How many connections are counted by name; 0 for none. */
  readonly perConnection: number
}

const group = "kharbranth.group"
const named = "kharbranth.connection"

/** What has no group of its own. */
export const others = "other"

const ports: Readonly<Record<string, string>> = { "wss:": "443", "ws:": "80" }

const serverOf = (origin: string | undefined): Attributes => {
  if (origin === undefined) return {}
  const { hostname, port, protocol } = new URL(origin)
  return { "server.address": hostname, "server.port": port === "" ? (ports[protocol] ?? "") : port }
}

/** Deals out as many keys as there may be, first come, first served. */
export class Keys {
  private readonly options: KeyOptions
  private readonly groups = new Set<string>()
  private readonly names = new Set<string>()

  constructor(options: KeyOptions) {
    this.options = options
  }

  attributesOf(connection: Observed, origin: string | undefined): Attributes {
    const { groupOf, maxGroups, perConnection } = this.options
    const common = { [group]: groupOf(connection), ...serverOf(origin) }
    const base = this.admit(this.groups, JSON.stringify(common), maxGroups) ? common : { [group]: others }
    if (perConnection === 0) return base
    const { name } = connection
    return { ...base, [named]: this.admit(this.names, name, perConnection) ? name : others }
  }

  private admit(known: Set<string>, key: string, max: number): boolean {
    if (known.has(key)) return true
    if (known.size >= max) return false
    known.add(key)
    return true
  }

  /** Another name may have its place. */
  forget(name: string): void {
    this.names.delete(name)
  }
}
