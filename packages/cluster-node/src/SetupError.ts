/**
 * What can be wrong with the set-up of a fleet's process, as tagged errors. Each
 * says what was found, and what to change.
 *
 * ```text
 * SetupError
 * ├─ the database   PostgresTooOld · TransactionPooling · TooFewConnections
 * ├─ its tables     MissingRights · MissingMigrations
 * └─ the others     FleetMismatch · VersionSkew
 * ```
 *
 * `ClocksDisagree` is found while a process runs; it is logged.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"

/**
 * This Postgres cannot end the session of a process that is paused.
 *
 * @category errors
 * @since 0.1.0
 */
export class PostgresTooOld extends Data.TaggedError("PostgresTooOld")<{
  /** As `server_version` says it. */
  readonly found: string
}> {
  override get message(): string {
    return `Fleet: Postgres ${this.found} is too old. A fleet needs 14 or later: only those end the session of a process that is paused, so that its share can move.`
  }
}

/**
 * Something between this process and Postgres gives each transaction another
 * session: PgBouncer in transaction or statement mode, for example.
 *
 * @category errors
 * @since 0.1.0
 */
export class TransactionPooling extends Data.TaggedError("TransactionPooling")<{}> {
  override get message(): string {
    return `Fleet: the connection to Postgres changes its session between statements, as behind PgBouncer with pool_mode=transaction. The cluster's locks belong to a session. Connect to Postgres directly, or use pool_mode=session for this database.`
  }
}

/**
 * The client of Postgres could not open two connections at a time.
 *
 * @category errors
 * @since 0.1.0
 */
export class TooFewConnections extends Data.TaggedError("TooFewConnections")<{}> {
  override get message(): string {
    return `Fleet: two connections to Postgres could not be opened at the same time. One holds the cluster's locks, the others work. Raise \`maxConnections\` of the client, or the limit of the database or its pooler.`
  }
}

/**
 * The role of this process may not do what a fleet needs.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingRights extends Data.TaggedError("MissingRights")<{
  readonly role: string
  /** What is missing, such as `"CREATE on schema public"`. */
  readonly missing: ReadonlyArray<string>
}> {
  override get message(): string {
    return `Fleet: the role "${this.role}" lacks rights in Postgres: ${this.missing.join(", ")}. Grant them, or run \`NodeFleet.migrate\` as the owner of the schema and grant SELECT, INSERT, UPDATE, DELETE on the kh_ tables and USAGE on their sequences.`
  }
}

/**
 * The tables are those of an older version, and this role may not change them.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingMigrations extends Data.TaggedError("MissingMigrations")<{
  readonly found: number
  readonly needed: number
}> {
  override get message(): string {
    return `Fleet: the tables in Postgres are of version ${this.found}, and this process needs version ${this.needed}. Run \`NodeFleet.migrate\` of the new version as their owner, before its processes start.`
  }
}

/**
 * Another process of the fleet runs with another setting, so the two would not
 * agree on who owns what.
 *
 * @category errors
 * @since 0.1.0
 */
export class FleetMismatch extends Data.TaggedError("FleetMismatch")<{
  readonly setting: "shards" | "group"
  readonly here: string
  readonly there: string
  /** The address of the other process. */
  readonly runner: string
}> {
  override get message(): string {
    return `Fleet: \`${this.setting}\` is ${this.here} here and ${this.there} in the process at ${this.runner}. It must be the same in all of them. To change it, stop them all, wait ${outdatedAfter} seconds, and start them again.`
  }
}

/**
 * Another process of the fleet is of a version that cannot run beside this one.
 *
 * @category errors
 * @since 0.1.0
 */
export class VersionSkew extends Data.TaggedError("VersionSkew")<{
  readonly here: number
  readonly there: number
  /** The address of the other process. */
  readonly runner: string
}> {
  override get message(): string {
    return `Fleet: this process speaks version ${this.here} of the fleet's protocol, and the one at ${this.runner} version ${this.there}. They cannot run side by side: stop the old ones, wait ${outdatedAfter} seconds, and start the new ones.`
  }
}

/**
 * The database's clock and this process's monotonic clock did not advance alike.
 * Leases end by both, so beyond `margin / ttl` two processes might use one name.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClocksDisagree extends Data.TaggedError("ClocksDisagree")<{
  /** How many milliseconds passed for this process, and for the database. */
  readonly here: number
  readonly store: number
}> {
  override get message(): string {
    return `Fleet: the database's clock advanced by ${Math.round(this.store)} ms while ${Math.round(this.here)} ms passed here. It was set, or one of the two clocks runs wrong. Let both machines' clocks be slewed, never stepped; leases are exclusive only while clocks advance alike.`
  }
}

/** For how many seconds a process counts that did not end properly. */
const outdatedAfter = 30

/**
 * Everything that can be wrong with a set-up.
 *
 * @category errors
 * @since 0.1.0
 */
export type SetupError =
  | PostgresTooOld
  | TransactionPooling
  | TooFewConnections
  | MissingRights
  | MissingMigrations
  | FleetMismatch
  | VersionSkew
