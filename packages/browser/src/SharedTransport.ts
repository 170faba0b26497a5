/**
 * One socket for all tabs of an origin. The tabs that dial the same connection
 * elect a leader, the holder of a Web Lock. The leader dials; the others send and
 * receive through it over a BroadcastChannel. Your code sees no difference: same
 * `Transport`, same `Link`.
 *
 * Every frame reaches every tab, and every tab's writes go into the one socket.
 * So `onOpen` runs in each tab against the same server session: subscribing
 * twice must be harmless.
 *
 * When the leader goes (closed, crashed, frozen, or its user closed the
 * connection), every follower's link ends as `ConnectionDropped`: the core
 * reconnects, marks a `Gap`, and reports sends in flight as `Unknown`. The
 * first tab that dials leads. A leader leaves by itself before its page is
 * frozen or cached. If its page hangs without notice, a visible tab deposes it
 * after `frozenAfter`. No tab can close the socket of a page that hangs: it stays
 * open beside the new one until that page runs again, or until the server's own
 * heartbeat gives up.
 *
 * A successor (after a wake, in a rotation, by `restart`) does not get the socket
 * that it may have to replace. Its tab dials another one beside it, one tab at a
 * time, and leads once that tab has given up the old one.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Transport from "kharbranth/Transport"
import * as BrowserTransport from "./BrowserTransport.ts"
import * as LinkErrors from "./internal/link/linkErrors.ts"
import * as SharedDial from "./internal/shared/sharedDial.ts"
import * as PageLifecycle from "./PageLifecycle.ts"

/**
 * What the tabs meet through. The page's own by default; give others to run
 * several "tabs" in one process.
 *
 * @category models
 * @since 0.1.0
 */
export interface Environment {
  readonly locks: { readonly request: LockManager["request"] }
  readonly channel: (name: string) => BroadcastChannel
}

/**
 * Which tabs share a socket, and how soon they take the lead from a tab that hangs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Who shares: dials of the same group, connection name and endpoint (url
   * without its query) use one socket. Put the signed-in user's id in it when
   * one browser may hold several users. Default: `"kharbranth"`.
   */
  readonly group?: string | undefined
  /** How often a follower makes sure that a silent leader is alive. Default: 200 ms. */
  readonly askEvery?: Duration.Input | undefined
  /**
   * How long a leader may leave that unanswered before the lock is taken from
   * it. A task that blocks the leading page for longer costs a takeover. Default:
   * 800 ms.
   */
  readonly frozenAfter?: Duration.Input | undefined
  /** Default: the page's `navigator.locks` and `BroadcastChannel`. */
  readonly environment?: Environment | undefined
}

/**
 * Shares sockets of the page's own `WebSocket`, and listens to the page.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options?: Options & BrowserTransport.Options): Layer.Layer<Transport.Transport> =>
  layerOver(options).pipe(Layer.provide([BrowserTransport.layer(options), PageLifecycle.layer()]))

/**
 * Shares the sockets of another transport.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOver = (
  options?: Options
): Layer.Layer<Transport.Transport, never, Transport.Transport | PageLifecycle.PageLifecycle> =>
  Layer.effect(
    Transport.Transport,
    Effect.gen(function* () {
      const base = yield* Transport.Transport
      const page = yield* PageLifecycle.PageLifecycle
      return {
        name: `shared ${base.name}`,
        capabilities: { ...base.capabilities, ping: false, pause: false, bytes: false },
        dial: dial({
          base,
          page,
          group: options?.group ?? "kharbranth",
          members: new Set(),
          askEvery: Duration.toMillis(options?.askEvery ?? "200 millis"),
          frozenAfter: Duration.toMillis(options?.frozenAfter ?? "800 millis"),
          environment: options?.environment ?? ownEnvironment()
        })
      }
    })
  )

const ownEnvironment = (): Environment | undefined =>
  typeof navigator === "object" && "locks" in navigator && typeof BroadcastChannel === "function"
    ? { locks: navigator.locks, channel: (name) => new BroadcastChannel(name) }
    : undefined

interface Sharing {
  readonly base: Transport.Transport["Service"]
  readonly page: PageLifecycle.PageLifecycle["Service"]
  readonly group: string
  readonly members: Set<SharedDial.Membership>
  readonly askEvery: number
  readonly frozenAfter: number
  readonly environment: Environment | undefined
}

const dial =
  (sharing: Sharing) =>
  (
    dial: Transport.Dial,
    receiver: Transport.Receiver
  ): Effect.Effect<Transport.Link, ConnectionError.DialError, Scope.Scope> =>
    Effect.gen(function* () {
      const { environment } = sharing
      if (environment === undefined) {
        return yield* LinkErrors.invalid(
          dial,
          ["transport"],
          "a socket is shared by Web Locks, which only secure pages (https: or localhost) have"
        )
      }
      const { assigned, shared } = yield* startDial(sharing, environment, dial, receiver)
      return yield* Effect.flatMap(assigned.first, (role) => {
        switch (role._tag) {
          case "Follower":
            return Effect.succeed(role.link)
          case "None":
            return LinkErrors.dialFailed(dial, "local", { _tag: role.why })
          case "Leader":
            return sharing.base
              .dial(dial, role.leader.receiver)
              .pipe(
                Effect.map(role.leader.opened),
                Effect.raceFirst(
                  Effect.flatMap(assigned.second, () => LinkErrors.dialFailed(dial, "local", { _tag: "Deposed" }))
                )
              )
        }
      }).pipe(Effect.onError(() => Effect.sync(() => shared.leave("DialAbandoned"))))
    })

const startDial = Effect.fnUntraced(function* (
  { askEvery, frozenAfter, group, page, members }: Sharing,
  environment: Environment,
  dial: Transport.Dial,
  receiver: Transport.Receiver
) {
  const clock = yield* Clock.Clock
  const id = `${(yield* Random.next).toString(36).slice(2)}${(yield* Random.next).toString(36).slice(2)}`
  // Tabs that notice a frozen leader together should not all take the lock from each other.
  const patience = frozenAfter + (yield* Random.nextBetween(0, frozenAfter / 10))
  const key = `${group}:${dial.connection}:${ConnectionError.endpointOf(dial.url)}`
  const assigned = roles()
  const run = Effect.runForkWith(yield* Effect.context<never>())
  const shared = yield* Effect.acquireRelease(
    Effect.sync(() =>
      SharedDial.start({
        id,
        key,
        members,
        openChannel: () => environment.channel(key),
        dial,
        receiver,
        askEvery,
        locks: environment.locks,
        frozenAfter: patience,
        now: () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n),
        after: (millis, then) => void run(Effect.andThen(Effect.sleep(millis), Effect.sync(then))),
        assigned: assigned.tell
      })
    ),
    (shared) => Effect.sync(() => shared.leave("DialAbandoned"))
  )
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      page.listen((signal) => {
        if (signal._tag === "Freeze" || signal._tag === "PageHide") shared.leave("PageFrozen")
      })
    ),
    (unlisten) => Effect.sync(unlisten)
  )
  yield* Effect.forever(Effect.andThen(Effect.sleep(askEvery / 2), Effect.sync(shared.tick))).pipe(Effect.forkScoped)
  return { assigned, shared }
})

/** The roles that a dial is given, one after the other, as effects. */
const roles = () => {
  const [first, second] = [Deferred.makeUnsafe<SharedDial.Role>(), Deferred.makeUnsafe<SharedDial.Role>()]
  return {
    first: Deferred.await(first),
    second: Deferred.await(second),
    tell: (role: SharedDial.Role) => {
      const given = Effect.succeed(role)
      if (!Deferred.doneUnsafe(first, given)) Deferred.doneUnsafe(second, given)
    }
  }
}
