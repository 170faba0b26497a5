/** Protocol pings: their payload is a `k` and the probe's number, in ASCII. */
import type { Pinging } from "../../Heartbeat.ts"
import * as Check from "../model/check.ts"

const payload = (id: number): Uint8Array => Uint8Array.from(`k${id}`, (letter) => letter.charCodeAt(0))

export const probe: Pinging["probe"] = {
  _tag: "Ping",
  make: (id) => ({ ping: payload(id) }),
  match: (pong, id) => {
    const own = payload(id)
    return pong.length === own.length && own.every((byte, index) => byte === pong[index])
  },
  check: ({ ping }, connection) => {
    const issue = "this transport cannot send protocol pings; use Heartbeat.text, Heartbeat.json or Heartbeat.passive"
    return ping === false ? Check.invalid(connection, ["heartbeat"], issue) : undefined
  }
}
