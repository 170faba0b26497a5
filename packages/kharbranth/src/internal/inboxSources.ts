/**
 * Who is held back when the inbox is full: the link of the session, or two of
 * them during an overlap. Knows whether the reader has moved since the stall
 * timer was set.
 */
export interface Source {
  pause(): void
  resume(): void
  readonly canPause: boolean
}

const none: ReadonlyArray<Source> = []

export class Sources {
  /** Whether the sources that can are paused. */
  paused = false
  someCannotPause = false
  private readonly hooks: { armStall(): void }
  private all: ReadonlyArray<Source> = none
  private armed = false
  /** Whether the reader has taken something since the timer was set. */
  private progress = false

  constructor(hooks: { armStall(): void }) {
    this.hooks = hooks
  }

  attach(source: Source, full: boolean): void {
    // The spread of an array keeps room for sixteen more.
    this.set(this.all.length === 0 ? [source] : [...this.all, source])
    if (this.paused && source.canPause) source.pause()
    else if (full) this.pause()
  }

  detach(source: Source): void {
    if (!this.all.includes(source)) return
    this.set(this.all.filter((other) => other !== source))
    if (this.paused && source.canPause) source.resume()
    this.paused = this.paused && this.all.some((other) => other.canPause)
  }

  private set(sources: ReadonlyArray<Source>): void {
    this.all = sources
    this.someCannotPause = sources.some((source) => !source.canPause)
  }

  pause(): void {
    if (this.paused || !this.all.some((source) => source.canPause)) return
    this.paused = true
    for (const source of this.all) if (source.canPause) source.pause()
    // A pause that begins while the timer of an earlier one runs has not lasted as long as it.
    this.progress = this.armed
    this.ensureArmed()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    for (const source of this.all) if (source.canPause) source.resume()
  }

  /** The reader took something. */
  moved(): void {
    this.progress = true
  }

  /** The timer went off. Whether the reader has stood still while the sources were paused. */
  stallDue(): boolean {
    this.armed = false
    if (!this.paused) return false
    if (!this.progress) return true
    this.progress = false
    this.ensureArmed()
    return false
  }

  private ensureArmed(): void {
    if (this.armed) return
    this.armed = true
    this.hooks.armStall()
  }
}
