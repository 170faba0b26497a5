/**
 * One measurement in a process of its own. Arguments: the kind, the subject,
 * the parameters as JSON; the result goes over the process channel.
 */
import * as Alone from "./alone.ts"
import * as Feeds from "./feeds.ts"
import * as Idle from "./idle.ts"
import * as Inbound from "./inbound.ts"
import * as Latency from "./latency.ts"
import * as Manager from "./manager.ts"
import * as Market from "./market.ts"
import * as Outbound from "./outbound.ts"
import * as Pressure from "./pressure.ts"
import * as Recorder from "./recorder.ts"
import * as SignalR from "./signalr.ts"
import * as Traffic from "./traffic.ts"

// each kind parses its own parameters
const kinds: Readonly<Record<string, (subject: string, params: never) => Promise<unknown>>> = {
  alone: Alone.measure,
  inbound: Inbound.measure,
  outbound: Outbound.measure,
  latency: Latency.measure,
  idle: Idle.measure,
  manager: Manager.measure,
  market: Market.measure,
  pressure: Pressure.measure,
  signalr: SignalR.measure,
  feeds: Feeds.measure,
  recorder: Recorder.measure,
  traffic: Traffic.measure
}

const [, , kind = "", subject = "", params = "{}"] = process.argv
const result = await kinds[kind]!(subject, JSON.parse(params) as never)
process.send?.(result)
