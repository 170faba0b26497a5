/**
 * Why there is no dashboard.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * The dashboard cannot be served: its port is taken, or its page was never built.
 *
 * @category errors
 * @since 0.1.0
 */
export class DevtoolsError extends Data.TaggedError("DevtoolsError")<{
  /** What is wrong, and what to do. */
  readonly issue: string
}> {
  override get message(): string {
    return `the dashboard cannot be served: ${this.issue}`
  }
}
