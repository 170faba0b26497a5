/**
 * One venue's HTTP requests: in order through a rolling window of weights, held
 * back while the venue has asked for a pause.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Door from "../../Rest.ts"
import type { Options, Request, Response, Rest } from "../../Rest.ts"
import { RestFailed } from "./errors.ts"
import { Fetch } from "./fetch.ts"

type Fields = ConstructorParameters<typeof RestFailed>[0]

interface Spent {
  readonly at: number
  readonly weight: number
}

/** How many requests may be under way. */
const concurrent = 8

/** How many may wait for room. */
const waitingAtMost = 2_000

/** Address without query and userinfo, which may hold tokens. */
const endpointOf = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  return parsed === undefined ? "an address that is no URL" : `${parsed.origin}${parsed.pathname}`
}

/** Seconds, or a date. */
const retryAfterOf = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const wait = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined
}

export class Client implements Rest {
  private readonly options: Options
  private readonly fetch: Door.Fetch
  private readonly window: number
  private readonly spent: Array<Spent> = []
  private readonly turn = Semaphore.makeUnsafe(1)
  private readonly places = Semaphore.makeUnsafe(concurrent)
  private pausedUntil = 0
  private waiting = 0

  static make(options: Options): Effect.Effect<Rest> {
    return Effect.map(Fetch, (fetch) => new Client(options, fetch))
  }

  private constructor(options: Options, fetch: Door.Fetch) {
    this.options = options
    this.fetch = fetch
    this.window = Duration.toMillis(options.window)
  }

  readonly ask: Rest["ask"] = ({ method = "GET", url, weight = 1 }) => {
    const maxBytes = this.options.maxBytes ?? 16 * 1024 * 1024
    const running = Effect.andThen(this.admitted(url, weight), this.run({ method, url, maxBytes }))
    return Effect.suspend(() => {
      if (this.waiting >= waitingAtMost) return this.fail(url, { kind: "busy", issue: "too many requests wait" })
      this.waiting++
      return Effect.ensuring(
        this.places.withPermits(1)(running),
        Effect.sync(() => void this.waiting--)
      )
    })
  }

  readonly figures: Rest["figures"] = Effect.map(Clock.currentTimeMillis, (now) => {
    this.forget(now)
    return { used: this.used, pausedFor: Math.max(0, this.pausedUntil - now) }
  })

  private get used(): number {
    return this.spent.reduce((sum, { weight }) => sum + weight, 0)
  }

  private forget(now: number): void {
    while (this.spent.length > 0 && this.spent[0]!.at + this.window <= now) this.spent.shift()
  }

  /** Waits for its turn, and for room; what is heavier than the whole limit goes alone. */
  private admitted(url: string, weight: number): Effect.Effect<void, RestFailed> {
    const admit: Effect.Effect<void> = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const wait = this.waitFor(now, Math.min(weight, this.options.limit))
      if (wait > 0) return Effect.andThen(Effect.sleep(Duration.millis(wait)), admit)
      this.spent.push({ at: now, weight })
      return Effect.void
    })
    return weight > 0
      ? this.turn.withPermits(1)(admit)
      : this.fail(url, { kind: "malformed", issue: "its weight is not positive" })
  }

  private waitFor(now: number, weight: number): number {
    this.forget(now)
    if (now < this.pausedUntil) return this.pausedUntil - now
    let used = this.used
    for (const { at, weight: freed } of this.spent) {
      if (used + weight <= this.options.limit) return 0
      used -= freed
      if (used + weight <= this.options.limit) return at + this.window - now
    }
    return 0
  }

  private run(request: Request): Effect.Effect<string, RestFailed> {
    const { url } = request
    return this.fetch(request).pipe(
      Effect.catch(({ issue }) => this.fail(url, { kind: "network", issue })),
      Effect.timeoutOrElse({
        duration: this.options.timeout ?? "10 seconds",
        orElse: () => this.fail(url, { kind: "timeout", issue: "it took too long" })
      }),
      Effect.flatMap((response) => Effect.flatMap(Clock.currentTimeMillis, (now) => this.read(url, response, now)))
    )
  }

  private read(url: string, { body, retryAfter, status }: Response, now: number): Effect.Effect<string, RestFailed> {
    if (status >= 200 && status < 300) return Effect.succeed(body)
    const asked = retryAfterOf(retryAfter, now)
    const isBusy = status === 429 || status === 418
    const pause = asked ?? (isBusy ? Duration.toMillis(this.options.pause ?? "1 minute") : undefined)
    const most = Duration.toMillis(this.options.maxRetryAfter ?? "10 minutes")
    const wait = pause === undefined ? undefined : Math.min(pause, most)
    if (wait !== undefined) this.pausedUntil = Math.max(this.pausedUntil, now + wait)
    return this.fail(url, { kind: "status", status, retryAfter: wait, issue: `HTTP ${status}` })
  }

  private fail(
    url: string,
    fields: Pick<Fields, "kind" | "issue"> & Partial<Fields>
  ): Effect.Effect<never, RestFailed> {
    const { venue } = this.options
    const known = { venue, endpoint: endpointOf(url), status: undefined, retryAfter: undefined }
    return Effect.fail(new RestFailed({ ...known, ...fields }))
  }
}
