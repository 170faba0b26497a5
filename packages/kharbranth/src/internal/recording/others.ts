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

interface Sum {
  connections: number
  connected: number
}

/** Connections of the same hosts. */
interface Group extends Sum {
  readonly hosts: ReadonlyArray<string>
}

/** All connections, as they were when they were counted. */
interface Count {
  readonly groups: ReadonlyMap<string, Group>
  /** What each has added to its group: its state may be another one by now. */
  readonly shares: ReadonlyMap<Counted, Readonly<Sum>>
}

const knownOf = (counted: Counted): Known => {
  const { known } = counted
  const { target } = counted.watched.policies
  if (known !== undefined && known.target === target) return known
  const hosts = hostsOf(target)
  return (counted.known = { target, hosts, key: hosts.join(" ") })
}

const disconnected: Readonly<Sum> = { connections: 0, connected: 0 }
const unconnected: Readonly<Sum> = { connections: 1, connected: 0 }
const connected: Readonly<Sum> = { connections: 1, connected: 1 }

const shareOf = ({ watched }: Counted): Readonly<Sum> => {
  const { _tag } = watched.state.getUnsafe()
  if (_tag === "Disconnected") return disconnected
  return _tag === "Connected" ? connected : unconnected
}

const add = (sum: Sum, { connected, connections }: Readonly<Sum>): void => {
  sum.connections += connections
  sum.connected += connected
}

const sumOf = (groups: ReadonlyArray<Group>): Sum => {
  const sum = { connections: 0, connected: 0 }
  for (const group of groups) add(sum, group)
  return sum
}

export class Others {
  private readonly members: () => Iterable<Counted>
  /** During the turn in which they were counted. */
  private count: Count | undefined

  constructor(members: () => Iterable<Counted>) {
    this.members = members
  }

  /** All but this one, which need not be a member any more. */
  of(self: Counted): Recording["others"] {
    const { groups, shares } = (this.count ??= this.counted())
    const all = [...groups.values()]
    // The hosts that it was counted with: its target may be another one by now.
    const { hosts } = self.known ?? knownOf(self)
    const own = shares.get(self) ?? disconnected
    const without = (sum: Sum) => ({
      connections: sum.connections - own.connections,
      connected: sum.connected - own.connected
    })
    const same = all.filter((group) => group.hosts.some((host) => hosts.includes(host)))
    const sameHost = sumOf(same)
    return { sameHost: same.length === 0 ? sameHost : without(sameHost), all: without(sumOf(all)) }
  }

  private counted(): Count {
    const groups = new Map<string, Group>()
    const shares = new Map<Counted, Readonly<Sum>>()
    for (const member of this.members()) {
      const { hosts, key } = knownOf(member)
      const group = groups.get(key) ?? { hosts, connections: 0, connected: 0 }
      const share = shareOf(member)
      groups.set(key, group)
      shares.set(member, share)
      add(group, share)
    }
    nextMicrotask(() => {
      this.count = undefined
    })
    return { groups, shares }
  }
}
