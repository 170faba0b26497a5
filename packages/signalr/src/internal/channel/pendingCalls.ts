/**
 * The calls that wait for an answer, by their id. Ids are numbers in text that
 * count up and leave out those whose place is taken, so each call has a place of
 * its own and none is ever searched for. A `Map` would not do: its outgrown
 * tables point to their successors, and one that has grown old keeps all later
 * calls from being collected young.
 */
import type { HubConnectionError } from "../../HubError.ts"
import type { Outcome } from "../../HubMessage.ts"

/** A call whose answer is awaited. Called from socket callbacks: short, and never throwing. */
export interface PendingCall {
  readonly id: string
  readonly item: (item: unknown) => void
  readonly done: (outcome: Outcome) => void
  readonly lost: (cause: HubConnectionError) => void
}

export class PendingCalls {
  size = 0
  #last = 0
  private places: Array<PendingCall | undefined> = [undefined, undefined]

  #placeOf(id: string): number {
    return Number(id) & (this.places.length - 1)
  }

  /** An id for the next call that is added, or for a stream that goes with it. */
  nextId(): string {
    if (this.size * 2 >= this.places.length) this.#grow()
    const mask = this.places.length - 1
    do this.#last++
    while (this.places[this.#last & mask] !== undefined)
    return String(this.#last)
  }

  get(id: string): PendingCall | undefined {
    const call = this.places[this.#placeOf(id)]
    return call?.id === id ? call : undefined
  }

  add(call: PendingCall): void {
    this.places[this.#placeOf(call.id)] = call
    this.size++
  }

  /** Whether it was there. */
  remove(call: PendingCall): boolean {
    const place = this.#placeOf(call.id)
    if (this.places[place] !== call) return false
    this.places[place] = undefined
    this.size--
    return true
  }

  /** In the order in which they were made. */
  all(): Array<PendingCall> {
    return this.places.filter((call) => call !== undefined).toSorted((a, b) => Number(a.id) - Number(b.id))
  }

  #grow(): void {
    const before = this.places
    this.places = before.concat(before).fill(undefined)
    for (const call of before) if (call !== undefined) this.places[this.#placeOf(call.id)] = call
  }
}
