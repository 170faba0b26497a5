/**
 * What travels through a pipe: a WebSocket's frames, and the events of the TCP
 * connection below them.
 */
import type { Frame } from "../../Message.ts"
import { sizeOf } from "../../internal/model/frame.ts"

export type Item =
  | { readonly _tag: "Upgrade"; readonly size: number; readonly open: () => void }
  /** A data frame; `whole` is its message's size, of which earlier parts may have come. */
  | { readonly _tag: "Frame"; readonly size: number; readonly whole: number; readonly frame: Frame }
  | { readonly _tag: "Part"; readonly size: number; readonly whole: number }
  | { readonly _tag: "Ping" | "Pong"; readonly size: number; readonly payload: Uint8Array }
  | { readonly _tag: "Close"; readonly size: number; readonly code: number; readonly reason: string }
  | { readonly _tag: "Fin" | "Reset"; readonly size: number }

export const fin: Item = { _tag: "Fin", size: 0 }
export const reset: Item = { _tag: "Reset", size: 0 }
export const close = (code: number, reason: string): Item => ({
  _tag: "Close",
  size: 2 + sizeOf(reason),
  code,
  reason
})

export const frame = (frame: Frame): Item => {
  const size = sizeOf(frame)
  return { _tag: "Frame", size, whole: size, frame }
}

/** A message in two halves. */
export const halves = (frame: Frame): readonly [Item, Item] => {
  const whole = sizeOf(frame)
  const size = whole >> 1
  return [
    { _tag: "Part", size, whole },
    { _tag: "Frame", size: whole - size, whole, frame }
  ]
}

export const ping = (payload: Uint8Array): Item => ({ _tag: "Ping", size: payload.length, payload })
export const pong = (payload: Uint8Array): Item => ({ _tag: "Pong", size: payload.length, payload })
