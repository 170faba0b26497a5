/** Says what a user can do, by whose trouble it is and what shows it. */
import type { Blame } from "../../Why.ts"
import { decisive } from "./blame.ts"
import type { Facts } from "./facts.ts"
import { isEveryone } from "./patterns.ts"
import { count } from "./words.ts"

/** How others fare, unless a pattern says it. */
const others = (facts: Facts): string => {
  if (isEveryone(facts)) return ""
  const { all, sameHost } = facts.recording.others
  if (sameHost.connections > 0) {
    return `. ${sameHost.connected} of ${count(sameHost.connections, "other connection")} to this host are up`
  }
  return all.connections === 0
    ? ""
    : `. ${all.connected} of ${count(all.connections, "connection")} to other hosts are up`
}

const ofMachine = (facts: Facts): string => {
  const { recording } = facts
  const error = decisive(facts)?.error
  if (error?.fields["kind"] === "dns") {
    const { connected } = recording.others.all
    const resolve = connected > 0 ? `; other hosts resolve (${count(connected, "connection")} are up)` : ""
    return `the name does not resolve in this process: check the spelling and the resolver${resolve}`
  }
  if (error?.fields["kind"] === "local")
    return "this machine is out of descriptors, ports or permission: raise its limits"
  return "nothing: it probes and reconnects by itself after a sleep"
}

const ofCredentials = (facts: Facts): string => {
  const isFinal = facts.recording.state._tag === "Failed"
  return `check what \`target\` returns for refresh: true${isFinal ? ", then connection.restart()" : ""}`
}

const ofConfiguration = (facts: Facts): string => {
  const { recording, senders } = facts
  const error = decisive(facts)?.error ?? (recording.state._tag === "Failed" ? recording.state.error : undefined)
  const restart = recording.state._tag === "Failed" && recording.state.recoverable ? ", then connection.restart()" : ""
  if (error === undefined && senders !== undefined) return "send less, or raise `rateLimit` if the server allows more"
  if (error === undefined) return "nothing: the budget that you gave spreads the dials"
  return `read the error and change what it names${restart}: ${error.message}`
}

const ofServer = (facts: Facts): string => {
  const { recording, senders } = facts
  if (recording.state._tag === "Failed") return `ask who runs the server${others(facts)}`
  if (decisive(facts) === undefined && senders !== undefined)
    return "send less: the server does not read as fast as you write"
  return `nothing${recording.state._tag === "Connecting" ? "; restart() would wait in the same line" : ""}${others(facts)}`
}

export const adviceOf = (facts: Facts, blame: Blame | undefined): string => {
  switch (blame) {
    case undefined:
      return "nothing"
    case "network":
      return `nothing${others(facts)}`
    case "server":
      return ofServer(facts)
    case "credentials":
      return ofCredentials(facts)
    case "your reader":
      return "read faster, share with ConnectionControl.broadcast, or choose overflow: { shed: Inbox.conflate }"
    case "this machine":
      return ofMachine(facts)
    case "configuration":
      return ofConfiguration(facts)
  }
}
