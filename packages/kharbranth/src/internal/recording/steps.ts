/** The last steps of a connection's lifecycle, and the state before the first of them. */
import type { Recording, Step } from "../../Recorder.ts"
import type { Input, State } from "../lifecycle/model.ts"
import { initial, publicState } from "../lifecycle/reduce.ts"
import { plain } from "./plain.ts"

interface Taken {
  readonly input: Input
  readonly state: State
  readonly now: number
}

export class Steps {
  private readonly most: number
  private from: State | undefined = undefined
  private all: Array<Taken> = []

  constructor(most: number) {
    this.most = most
  }

  add(input: Input, state: State, now: number): void {
    this.from ??= initial(state.config)
    this.all.push({ input, state, now })
    if (this.all.length > this.most) this.from = this.all.shift()!.state
  }

  taken(): NonNullable<Recording["steps"]> {
    return {
      from: this.from === undefined ? {} : plain(this.from),
      taken: this.all.map(({ input, now, state }): Step => ({
        now,
        input: plain(input) as unknown as Record<string, unknown>,
        state: plain(publicState(state))
      }))
    }
  }
}
