/**
 * When a working session is replaced, and what keeps the swap honest: the old
 * session's messages are remembered by key while both are alive, so that the
 * successor does not deliver them twice.
 */
import * as Duration from "effect/Duration"
import type * as Connection from "../../../Connection.ts"
import { total } from "../../kit/guard.ts"
import * as Check from "../../model/check.ts"

const nothing = (): undefined => undefined

/** The most keys kept of one overlap. */
const keysAtMost = 100_000

export class Rotation<In> {
  readonly mode: "breakFirst" | "makeFirst"
  readonly overlap: number
  readonly notice: ((message: In) => boolean) | undefined
  readonly dedupe: ((message: In) => unknown) | undefined
  private readonly maxAge: number
  private readonly before: number
  private readonly window: Connection.RotationWindow | undefined
  /** By which session each came first. */
  private keys: Map<unknown, number> | undefined

  private static readonly plain = new Rotation<unknown>(undefined)

  /** Without options it remembers nothing, so one serves all. */
  static of<In>(options: Connection.Rotate<In> | undefined): Rotation<In> {
    return options === undefined ? Rotation.plain : new Rotation(options)
  }

  private constructor(options: Connection.Rotate<In> | undefined) {
    this.mode = options?.mode ?? "makeFirst"
    this.overlap = Check.millisOr(options?.overlap, "250 millis")
    this.notice = options?.notice
    this.dedupe = options?.dedupe && total(options.dedupe, nothing)
    this.end()
    this.maxAge = Check.millisOr(options?.maxAge, Duration.infinity)
    this.before = Check.millisOr(options?.before, "30 seconds")
    this.window = options?.window
  }

  /** When a session that is Ready now is to be replaced; times are Unix milliseconds, `chance` is in [0, 1). */
  due(now: number, expiresAt: number | undefined, chance: number): number {
    const age = this.maxAge * (1 - chance / 10)
    const left = Math.max(0, (expiresAt ?? Infinity) - now)
    // A token that lives hardly longer than `before` serves for half of its life.
    const latest = now + Math.min(age, Math.max(left - this.before, left / 2))
    return this.window === undefined || latest === Infinity ? latest : this.window.choose(now, latest, chance)
  }

  /** A key that comes back from now on is a message of its own; those of sessions to keep are still known. */
  end(isKept: (epoch: number) => boolean = () => false): void {
    if (this.dedupe === undefined) return
    this.keys = new Map([...(this.keys ?? [])].filter(([, epoch]) => isKept(epoch)))
  }

  get remembers(): boolean {
    return this.keys !== undefined
  }

  remember(message: In, epoch: number): void {
    const { keys } = this
    if (keys === undefined || keys.size >= keysAtMost) return
    const key = this.keyOf(message)
    if (key !== undefined && !keys.has(key)) keys.set(key, epoch)
  }

  /** Whether a session before this one has delivered it. */
  seen(message: In, epoch: number): boolean {
    const { keys } = this
    if (keys === undefined) return false
    const key = this.keyOf(message)
    const first = key === undefined ? undefined : keys.get(key)
    return first !== undefined && first !== epoch
  }

  private keyOf(message: In): unknown {
    return this.dedupe?.(message)
  }
}
