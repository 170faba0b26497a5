/**
 * What the other connections of a recorder do: those of the same hosts, and all.
 * They are counted once a turn, because a dashboard takes many recordings in one.
 */
import type { ConnectionState } from "../../ConnectionState.ts"
import type { Recording } from "../../Recorder.ts"
import type { Watch } from "../../Watch.ts"
import { nextMicrotask } from "../kit/microtask.ts"
import { hostsOf } from "./hosts.ts"

interface Known {
  readonly target: unknown
  readonly hosts: ReadonlyArray<string>
  readonly key: string
}

/** A connection that is counted. */
export interface Counted {
  readonly watched: {
    readonly state: Pick<Watch<ConnectionState>, "getUnsafe">
    readonly policies: { readonly target: unknown }
  }
  /** The hosts of its target, since they were first asked for: to read urls takes long. */
  known: Known | undefined
}

/** Connections of the same hosts. */
interface Group {
  readonly hosts: ReadonlyArray<string>
  connections: number
  connected: number
}

const knownOf = (counted: Counted): Known => {
  const { known } = counted
  const { target } = counted.watched.policies
  if (known !== undefined && known.target === target) return known
  const hosts = hostsOf(target)
  return (counted.known = { target, hosts, key: hosts.join(" ") })
}

const add = (group: Omit<Group, "hosts">, { watched }: Counted): void => {
  const { _tag } = watched.state.getUnsafe()
  if (_tag === "Disconnected") return
  group.connections++
  if (_tag === "Connected") group.connected++
}

const sumOf = (groups: Iterable<Group>) => {
  const sum = { connections: 0, connected: 0 }
  for (const { connected, connections } of groups) {
    sum.connections += connections
    sum.connected += connected
  }
  return sum
}

export class Others {
  private readonly members: () => Iterable<Counted>
  /** By hosts, during the turn in which they were counted. */
  private groups: ReadonlyMap<string, Group> | undefined

  constructor(members: () => Iterable<Counted>) {
    this.members = members
  }

  /** All but one, which may be one of them or not any more. */
  of(self: Counted, isMember: boolean): Recording["others"] {
    const { hosts } = knownOf(self)
    const groups = [...this.counted.values()]
    const own = { connections: 0, connected: 0 }
    if (isMember) add(own, self)
    const without = (sum: typeof own) => ({
      connections: sum.connections - own.connections,
      connected: sum.connected - own.connected
    })
    const same = groups.filter((group) => group.hosts.some((host) => hosts.includes(host)))
    const sameHost = sumOf(same)
    return { sameHost: same.length === 0 ? sameHost : without(sameHost), all: without(sumOf(groups)) }
  }

  private get counted(): ReadonlyMap<string, Group> {
    if (this.groups !== undefined) return this.groups
    const groups = new Map<string, Group>()
    for (const member of this.members()) {
      const { hosts, key } = knownOf(member)
      const group = groups.get(key) ?? { hosts, connections: 0, connected: 0 }
      groups.set(key, group)
      add(group, member)
    }
    this.groups = groups
    nextMicrotask(() => {
      this.groups = undefined
    })
    return groups
  }
}
