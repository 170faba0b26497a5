/** What reports a connection's surroundings: opaque to the public, a function within. It returns how to stop. */
import type { Reporter } from "../../Surroundings.ts"
import type { ReactingConnection } from "./reaction.ts"

type Connect = (connection: ReactingConnection) => () => void

export const reporter = (connect: Connect): Reporter => connect as unknown as Reporter
export const connectBy = (reporter: Reporter): Connect => reporter as unknown as Connect
