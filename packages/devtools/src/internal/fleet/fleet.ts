/**
 * All connections that are observed. While nobody looks it only knows which there
 * are: a sampling listens to them and measures them, from the first viewer to the last.
 */
import type { Listener, Observed } from "kharbranth/ConnectionObserver"
import { Sampling, type SamplingOptions } from "./sampling.ts"

export class Fleet {
  private readonly connections = new Map<number, Observed>()
  private readonly options: SamplingOptions
  private issued = 0
  private current: Sampling | undefined

  constructor(options: SamplingOptions) {
    this.options = options
  }

  /** What observes every connection. */
  readonly observe = (observed: Observed): Listener => {
    const id = ++this.issued
    this.connections.set(id, observed)
    this.current?.enter(id, observed)
    return {
      ended: () => {
        this.connections.delete(id)
        this.current?.leave(id)
      }
    }
  }

  get size(): number {
    return this.connections.size
  }

  /** Present while somebody looks. */
  get sampling(): Sampling | undefined {
    return this.current
  }

  of(id: number): Observed | undefined {
    return this.connections.get(id)
  }

  /** Begins to listen and to measure, for the first that looks. */
  begin(): Sampling {
    const sampling = new Sampling(this.options)
    for (const [id, observed] of this.connections) sampling.enter(id, observed)
    sampling.measure()
    // What there is already is no news.
    sampling.batch()
    this.current = sampling
    return sampling
  }

  /** Nobody looks any more. */
  end(): void {
    this.current?.end()
    this.current = undefined
  }
}
