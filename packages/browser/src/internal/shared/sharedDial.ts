/**
 * One dial of one tab among the tabs that share a socket. It asks for the lock
 * and for the leader at once: the tab that gets the lock leads, and a tab that
 * the leader welcomes follows. A leader that holds the lock and answers nothing
 * is frozen; another tab steals the lock, and the leader finds that out when it
 * wakes.
 *
 * A successor may have to replace the very socket that the tabs share, so it
 * gets another one: it leads beside the old leader, without the lock, and takes
 * the lock when an older link of its page ends.
 */
import type { Dial, Link, Receiver } from "kharbranth/Transport"
import { whenDelivered } from "./delivery.ts"
import * as Follower from "./follower.ts"
import * as Leader from "./leader.ts"
import * as Lock from "./lock.ts"
import * as Silence from "./silence.ts"
import { isTabMessage, type TabMessage } from "./tabMessage.ts"

export type Role =
  | { readonly _tag: "Leader"; readonly leader: Leader.Leader }
  | { readonly _tag: "Follower"; readonly link: Link }
  | { readonly _tag: "None"; readonly why: string }

/** What one link of this page has to do with a shared socket, for the successors of that link. */
export interface Membership {
  readonly key: string
  /** The term of the leader whose socket it is. */
  readonly term: string
  /** Called when the link is over; `isDeposed` if another tab stole the lock. */
  readonly onEnd: Set<(isDeposed: boolean) => void>
}

export interface SharedDial {
  /** Looks at the clock; to be called a few times in `askEvery` milliseconds. */
  readonly tick: () => void
  /** The page is about to freeze, or the dial is given up. */
  readonly leave: (why: string) => void
}

export const start = (options: {
  readonly id: string
  readonly key: string
  readonly locks: Lock.Locks
  readonly openChannel: () => BroadcastChannel
  readonly dial: Dial
  readonly receiver: Receiver
  /** Those of all links of this page, oldest first. */
  readonly members: Set<Membership>
  readonly askEvery: number
  readonly frozenAfter: number
  readonly now: () => number
  readonly after: (millis: number, then: () => void) => void
  /** Called once, and a second time with `None` when a leader is deposed before its socket is open. */
  readonly assigned: (role: Role) => void
}): SharedDial => {
  const { dial, id, key, locks, members, now, receiver } = options
  const older = dial.successor === true ? [...members].filter((member) => member.key === key) : []
  /** The term whose socket may be the one to be replaced. */
  const oldTerm = older.at(-1)?.term
  const began = now()
  const silence = Silence.make(options)
  let state: "seeking" | "leading" | "following" | "over" = "seeking"
  let leader: Leader.Leader | undefined
  let follower: Follower.Follower | undefined
  let member: Membership | undefined
  /** This tab has the lock, so it answers the others. */
  let hasLock = false
  /** This tab steals the lock for a successor that leads already. */
  let isClaiming = false
  /** This tab steals the lock from a leader that is frozen. */
  let isDeposing = false
  /** Another tab stole the lock from this one. */
  let isDeposed = false
  /** The last message came from another leader than the one that this tab follows. */
  let isReplaced = false

  const channel = options.openChannel()
  const post = (message: TabMessage) => channel.postMessage(message)

  const enter = (term: string) => {
    member = { key, term, onEnd: new Set() }
    members.add(member)
  }

  const release = () => {
    dropLock()
    channel.close()
  }

  const retire = () => {
    state = "over"
    dropSuccessorLock()
    if (member === undefined) return
    members.delete(member)
    for (const ended of member.onEnd) ended(isDeposed)
  }

  const over = () => {
    if (state === "over") return
    retire()
    release()
  }

  const leaderEnded = (how: "now" | "delivered") => {
    if (state === "over") return
    retire()
    // The lock is faster than the channel: it would say that the leader is gone before its last message is read.
    if (how === "now") release()
    else whenDelivered({ ...options, term: id, post }, release)
    options.assigned({ _tag: "None", why: "Deposed" })
  }

  const lead = () => {
    state = "leading"
    enter(id)
    leader = Leader.make({ term: id, highMark: dial.writeMark.high, receiver, post, over: leaderEnded })
    options.assigned({ _tag: "Leader", leader })
  }

  const follow = (welcome: Extract<TabMessage, { readonly kind: "welcome" }>) => {
    state = "following"
    enter(welcome.term)
    dropSuccessorLock()
    follower = Follower.make({ id, welcome, dial, receiver, post, over })
    options.assigned({ _tag: "Follower", link: follower.link })
  }

  const onLock: Lock.Listener = {
    granted: () => {
      // A follower does not keep the lock: the tab that dials next leads next.
      if (state === "following") return follower?.leave(isDeposing ? "LeaderFrozen" : "LeaderGone")
      if (state === "seeking") lead()
      hasLock = true
      dropSuccessorLock()
      leader?.receive({ kind: "ask" })
    },
    lost: () => {
      isDeposed = true
      leader?.resign()
    },
    refused: () => leave("LocksRefused")
  }
  let dropLock = Lock.request(locks, key, "wait", onLock)

  const stealLock = () => {
    dropLock()
    dropLock = Lock.request(locks, key, "steal", onLock)
  }

  // A second lock lets one successor at a time dial, so that there are never more than two sockets.
  let dropSuccessorLock = () => {}
  const onSuccessorLock: Lock.Listener = {
    granted: () => {
      if (state !== "seeking" || !older.every((member) => members.has(member))) return dropSuccessorLock()
      for (const { onEnd } of older) onEnd.add(claimLock)
      lead()
    },
    lost: () => {},
    refused: () => {}
  }

  const claimLock = (isDeposed: boolean) => {
    if (state !== "leading" || hasLock || isClaiming) return
    if (isDeposed) return leader?.resign()
    isClaiming = true
    stealLock()
  }

  /** A successor waits for another socket than the old one; but there may never be one. */
  const isWelcome = (term: string) => term !== oldTerm || now() - began >= 2 * options.frozenAfter

  const receive = ({ data: message }: MessageEvent<unknown>) => {
    if (!isTabMessage(message)) return
    if (message.kind === "beat" || message.kind === "frames" || message.kind === "welcome") {
      isReplaced = state === "following" && message.term !== member?.term
      if (!isReplaced) silence.heard()
    }
    if (state === "leading") {
      if (hasLock) leader?.receive(message)
      // Another tab was faster: two sockets must not stay.
      else if (message.kind === "beat" && message.term !== oldTerm && !isClaiming) leader?.resign()
    } else if (state === "following") follower?.receive(message)
    else if (state === "seeking") {
      if (message.kind === "beat" && message.open) post({ kind: "join", from: id })
      else if (message.kind === "welcome" && message.to === id && isWelcome(message.term)) follow(message)
    }
  }

  const leave = (why: string) => {
    if (state === "seeking") {
      over()
      options.assigned({ _tag: "None", why })
    } else if (state === "following") follower?.leave(why)
    else if (state === "leading") leader?.resign()
  }

  channel.addEventListener("message", receive)
  post({ kind: "join", from: id })
  if (oldTerm !== undefined) dropSuccessorLock = Lock.request(locks, `${key} successor`, "try", onSuccessorLock)

  return {
    leave,
    tick: () => {
      if (state !== "seeking" && state !== "following") return
      const verdict = silence.check(state === "following")
      if (verdict === "ask") post(state === "seeking" ? { kind: "join", from: id } : { kind: "ask" })
      if (verdict !== "frozen") return
      if (isReplaced) return follower?.leave("LeaderGone")
      isDeposing = true
      stealLock()
    }
  }
}
