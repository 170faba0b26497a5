/** The connection that the connection page is about: a live one, or one from a file. */
import { computed } from "@preact/signals"
import type { Recording } from "kharbranth/Recorder"
import type { Explanation } from "kharbranth/Why"
import type { Detail, Row } from "../../src/internal/wire/wire.ts"
import { file } from "./file.ts"
import { detail } from "./live.ts"
import { route } from "./route.ts"

export interface Subject {
  readonly name: string
  readonly explanation: Explanation | undefined
  readonly recording: Recording | undefined
  /** Of a live connection. */
  readonly row: Row | undefined
  readonly subscriptions: Detail["subscriptions"]
}

export const subject = computed((): Subject | undefined => {
  const at = route.value
  if (at.page === "file") {
    const found = file.value?.recordings[at.index ?? -1]
    if (found === undefined) return undefined
    return { name: found.recording.connection.name, ...found, row: undefined, subscriptions: [] }
  }
  const live = detail.value
  if (at.page !== "connection" || live?.row.id !== at.id) return undefined
  return { name: live.row.name, ...live }
})
