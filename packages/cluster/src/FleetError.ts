/**
 * What can go wrong between a fleet and those who use it, as tagged errors. A
 * connection's own failures stay `ConnectionError`s.
 *
 * ```text
 * FleetError
 * ├─ at the door   InvalidFleet · InvalidParams · UnknownKind · KindMismatch
 * ├─ set-up        ClusterFailed
 * ├─ the store     StoreFailed
 * ├─ the bus       BusFailed
 * └─ by name       NameNotFound · Unreachable · CannotTravel
 * ```
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type { ForeignCause } from "kharbranth/ConnectionError"

/**
 * An option of the fleet is not usable.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidFleet extends Data.TaggedError("InvalidFleet")<{
  /** Where in the options, as keys: `["lease", "ttl"]`. */
  readonly path: ReadonlyArray<string | number>
  readonly issue: string
}> {
  override get message(): string {
    return `Fleet: option ${this.path.join(".")} is not usable: ${this.issue}`
  }
}

/**
 * The params of a name do not fit the schema of its kind, or no store can keep
 * the name. The message says where, never a value of the params.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidParams extends Data.TaggedError("InvalidParams")<{
  readonly name: string
  readonly kind: string
  readonly cause: ForeignCause
  /** Why a store cannot keep it, where the schema is not the reason. */
  readonly issue?: string | undefined
}> {
  override get message(): string {
    if (this.issue !== undefined) return `Name ${JSON.stringify(this.name.slice(0, 100))}: ${this.issue}`
    return `Name "${this.name}": its params do not fit the schema of kind "${this.kind}". Correct the params; \`cause\` holds what the schema said.`
  }
}

/**
 * No kind of this name is registered in this process.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnknownKind extends Data.TaggedError("UnknownKind")<{
  readonly name: string
  readonly kind: string
}> {
  override get message(): string {
    return `Name "${this.name}": kind "${this.kind}" is not registered here. Add it to \`kinds\` of every process of the fleet.`
  }
}

/**
 * The name belongs to another kind.
 *
 * @category errors
 * @since 0.1.0
 */
export class KindMismatch extends Data.TaggedError("KindMismatch")<{
  readonly name: string
  readonly kind: string
  readonly actual: string
}> {
  override get message(): string {
    return `Name "${this.name}" is of kind "${this.actual}", not "${this.kind}". Release it first, or use another name.`
  }
}

/**
 * The store did not do what it was asked. Sockets stay open until their lease
 * ends; the caller may try again.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreFailed extends Data.TaggedError("StoreFailed")<{
  readonly operation: string
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Fleet: the store failed at "${this.operation}" (${this.cause.label ?? "unknown"}). Look at the database; open sockets stay until their lease ends.`
  }
}

/**
 * The bus to readers in other processes does not do what it should. Names stay
 * open and their consumers go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class BusFailed extends Data.TaggedError("BusFailed")<{
  readonly operation: string
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Fleet: the bus failed at "${this.operation}" (${this.cause.label ?? "unknown"}). Look at the broker, and at the rights of this process there; names stay open.`
  }
}

/**
 * This process could not join the cluster.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClusterFailed extends Data.TaggedError("ClusterFailed")<{
  readonly cause: ForeignCause
}> {
  override get message(): string {
    return `Fleet: this process could not join the cluster (${this.cause.label ?? "unknown"}). Look at its address and port, and at the database; \`cause\` holds what the cluster said.`
  }
}

/**
 * The fleet has no such name.
 *
 * @category errors
 * @since 0.1.0
 */
export class NameNotFound extends Data.TaggedError("NameNotFound")<{
  readonly name: string
}> {
  override get message(): string {
    return `Name "${this.name}": the fleet has no such name. Add it with \`ensure\` or \`reconcile\`.`
  }
}

/**
 * The process that owns the name could not be asked, or nobody owns it now.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unreachable extends Data.TaggedError("Unreachable")<{
  readonly name: string
  /** Who held it last, if that is known. */
  readonly owner: string | undefined
}> {
  override get message(): string {
    const who = this.owner === undefined ? "nobody owns it at the moment" : `its owner ${this.owner} did not answer`
    return `Name "${this.name}" cannot be reached: ${who}. It moves within the lease's ttl; try again.`
  }
}

/**
 * A message is no text, no bytes, and nothing that JSON keeps as it is: it cannot
 * be shown to another process.
 *
 * @category errors
 * @since 0.1.0
 */
export class CannotTravel extends Data.TaggedError("CannotTravel")<{
  readonly name: string
  /** Where in the message. */
  readonly path: string
}> {
  override get message(): string {
    return `Name "${this.name}": a message cannot be shown to another process, because JSON would change what is at ${this.path}. Read it in the kind's \`consume\`, which runs beside the socket.`
  }
}

/**
 * Every failure of a fleet.
 *
 * @category errors
 * @since 0.1.0
 */
export type FleetError =
  | InvalidFleet
  | InvalidParams
  | UnknownKind
  | KindMismatch
  | ClusterFailed
  | StoreFailed
  | BusFailed
  | NameNotFound
  | Unreachable
  | CannotTravel
