/**
 * What the other connections of a recorder do: those of the same hosts, and all.
 * Only those that took a step since somebody asked are counted again: a dashboard
 * asks many times a second, and ten thousand take long to look at.
 */
import type { ConnectionState } from "../../ConnectionState.ts"
import type { Recording } from "../../Recorder.ts"
import type { Watch } from "../../Watch.ts"
import { hostsOf } from "./hosts.ts"

/** A connection that is counted. */
export interface Counted {
  readonly watched: {
    readonly state: Pick<Watch<ConnectionState>, "getUnsafe">
    readonly policies: { readonly target: unknown }
  }
  /** What it has added, and to whom, when it was counted last. */
  share: Share | undefined
}

interface Share {
  readonly group: Group
  readonly target: unknown
  readonly sum: Readonly<Sum>
}

interface Sum {
  connections: number
  connected: number
}

/** Connections of the same hosts. */
interface Group extends Sum {
  readonly key: string
  readonly hosts: ReadonlyArray<string>
  members: number
}

const disconnected: Readonly<Sum> = { connections: 0, connected: 0 }
const unconnected: Readonly<Sum> = { connections: 1, connected: 0 }
const connected: Readonly<Sum> = { connections: 1, connected: 1 }

const sumOf = ({ watched }: Counted): Readonly<Sum> => {
  const { _tag } = watched.state.getUnsafe()
  if (_tag === "Disconnected") return disconnected
  return _tag === "Connected" ? connected : unconnected
}

const add = (to: Sum, { connected, connections }: Readonly<Sum>): void => {
  to.connections += connections
  to.connected += connected
}

const subtract = (from: Sum, { connected, connections }: Readonly<Sum>): void => {
  from.connections -= connections
  from.connected -= connected
}

const without = (all: Readonly<Sum>, own: Readonly<Sum>): Sum => {
  const rest = { connections: all.connections, connected: all.connected }
  subtract(rest, own)
  return rest
}

export class Others {
  private readonly groups = new Map<string, Group>()
  private readonly all: Sum = { connections: 0, connected: 0 }
  /** Those that may add something else than when they were counted. */
  private readonly changed = new Set<Counted>()

  enter(counted: Counted): void {
    this.changed.add(counted)
  }

  /** It took a step: its state may be another one, or its target. */
  stepped(counted: Counted): void {
    if (counted.share !== undefined) this.changed.add(counted)
  }

  leave(counted: Counted): void {
    this.changed.delete(counted)
    this.forget(counted)
  }

  /** All but this one, which need not be a member any more. */
  of(self: Counted): Recording["others"] {
    for (const member of this.changed) this.count(member)
    this.changed.clear()
    const hosts = self.share?.group.hosts ?? hostsOf(self.watched.policies.target)
    const own = self.share?.sum ?? disconnected
    const sameHost = { connections: 0, connected: 0 }
    for (const group of this.groups.values()) {
      if (group.hosts.some((host) => hosts.includes(host))) add(sameHost, group)
    }
    const hasHost = hosts.length > 0
    return { sameHost: hasHost ? without(sameHost, own) : sameHost, all: without(this.all, own) }
  }

  private count(counted: Counted): void {
    const { share, watched } = counted
    const { target } = watched.policies
    const sum = sumOf(counted)
    if (share !== undefined && share.target === target && share.sum === sum) return
    // To read urls takes long.
    const group = share !== undefined && share.target === target ? share.group : this.groupOf(target)
    group.members++
    this.forget(counted)
    add(group, sum)
    add(this.all, sum)
    counted.share = { group, target, sum }
  }

  private groupOf(target: unknown): Group {
    const hosts = hostsOf(target)
    const key = hosts.join(" ")
    const group = this.groups.get(key) ?? { key, hosts, members: 0, connections: 0, connected: 0 }
    this.groups.set(key, group)
    return group
  }

  private forget(counted: Counted): void {
    const { share } = counted
    if (share === undefined) return
    counted.share = undefined
    const { group, sum } = share
    subtract(group, sum)
    subtract(this.all, sum)
    if (--group.members === 0) this.groups.delete(group.key)
  }
}
