/**
 * Bitfinex's frames that are objects: what they say about the session and its
 * topics. They fill the session's memory of ids.
 */
import * as Subscriptions from "kharbranth/Subscriptions"
import type { Kind, Wire } from "../../Venue.ts"
import * as Kit from "./kit.ts"

export const eventOf = (raw: string, wire: Wire): Kind => {
  const [event, channel, symbol] = ["event", "channel", "symbol"].map((name) => Kit.valueOf(raw, name))
  const [id, code] = [Kit.valueOf(raw, "chanId"), Kit.valueOf(raw, "code")]
  const topic = channel === undefined || symbol === undefined ? undefined : `${channel}:${symbol}`
  switch (event) {
    case "conf":
      if ((Number(Kit.valueOf(raw, "flags")) & 65_536) !== 0) wire.sequence = 0
      return Kit.notice("none")
    case "subscribed":
      if (id === undefined || topic === undefined) return Kit.unknown
      wire.keys.set(id, topic)
      wire.ids.set(topic, id)
      return Kit.answer(Subscriptions.ack(undefined, topic))
    case "unsubscribed": {
      const known = id === undefined ? undefined : wire.keys.get(id)
      if (id !== undefined) wire.keys.delete(id)
      if (known !== undefined) wire.ids.delete(known)
      return Kit.answer(Subscriptions.ack(undefined, known))
    }
    case "error":
      return Kit.answer(
        code === "10301"
          ? Subscriptions.ack(undefined, topic)
          : Subscriptions.nack({ topics: topic, reason: Kit.valueOf(raw, "msg") })
      )
    case "pong":
      return Kit.beat
    case "info":
      return Kit.notice(code === "20051" ? "rotate" : code === "20060" ? "pause" : code === "20061" ? "resume" : "none")
    default:
      return Kit.unknown
  }
}
