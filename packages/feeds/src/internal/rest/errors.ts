/** How requests over HTTP fail; `Rest` exports them. */
import * as Data from "effect/Data"

export class FetchFailed extends Data.TaggedError("FetchFailed")<{
  readonly issue: string
  readonly cause: unknown
}> {
  override get message(): string {
    return `The request got no answer: ${this.issue}.`
  }
}

export class RestFailed extends Data.TaggedError("RestFailed")<{
  readonly venue: string
  /** The address without its query. */
  readonly endpoint: string
  readonly kind: "network" | "timeout" | "status" | "busy" | "malformed"
  readonly status: number | undefined
  /** When the venue may be asked again, in milliseconds from now, where that is known. */
  readonly retryAfter: number | undefined
  readonly issue: string
}> {
  override get message(): string {
    const wait = this.retryAfter === undefined ? "" : ` Ask again in ${Math.ceil(this.retryAfter / 1000)} s.`
    return `${this.venue}: the request to ${this.endpoint} failed (${this.kind}): ${this.issue}.${wait}`
  }
}
