/** Commands and options as JSON, and back. */
import * as Duration from "effect/Duration"
import type * as ManagerCommand from "kharbranth/ManagerCommand"
import type * as Outbox from "kharbranth/Outbox"
import type { WireCommand, WireOptions } from "../engine/engine.ts"
import { ofWireFrame, toWireFrame } from "../kit/wireFrame.ts"

const millisOf = (input: Duration.Input | undefined): number | undefined =>
  input === undefined ? undefined : Duration.toMillis(Duration.fromInputUnsafe(input))

export const toWireOptions = (
  options: Pick<Outbox.SendOptions, "whenDown" | "ttl" | "key" | "lane"> = {}
): WireOptions => ({
  whenDown: options.whenDown,
  ttlMillis: millisOf(options.ttl),
  key: options.key,
  lane: options.lane
})

export const ofWireOptions = ({ key, lane, ttlMillis, whenDown }: WireOptions): Outbox.SendOptions => ({
  key,
  lane,
  whenDown,
  ttl: ttlMillis === undefined ? undefined : Duration.millis(ttlMillis)
})

/** Commands for owners; the others are changes of wishes. */
type Owners = Exclude<ManagerCommand.Command, { readonly _tag: "Pause" | "Resume" | "Close" }>

export const toWireCommand = (command: Owners): WireCommand => {
  switch (command._tag) {
    case "Restart":
      return { _tag: "Restart", mode: command.mode, reason: command.reason }
    case "Rotate":
      return { _tag: "Rotate", reason: command.reason }
    case "Probe":
      return { _tag: "Probe", reason: command.reason, deadlineMillis: millisOf(command.deadline) }
    case "Drain":
      return { _tag: "Drain", deadlineMillis: millisOf(command.deadline) }
    case "Send":
      return { _tag: "Send", frame: toWireFrame(command.frame), options: toWireOptions(command.options) }
  }
}

export const ofWireCommand = (command: WireCommand): ManagerCommand.Command => {
  switch (command._tag) {
    case "Restart":
    case "Rotate":
      return command
    case "Probe": {
      const { deadlineMillis, reason } = command
      return {
        _tag: "Probe",
        reason,
        deadline: deadlineMillis === undefined ? undefined : Duration.millis(deadlineMillis)
      }
    }
    case "Drain": {
      const { deadlineMillis } = command
      return { _tag: "Drain", deadline: deadlineMillis === undefined ? undefined : Duration.millis(deadlineMillis) }
    }
    case "Send":
      return { _tag: "Send", frame: ofWireFrame(command.frame), options: ofWireOptions(command.options) }
  }
}
