/** Reads and explains recordings. A script of its own, which loads once the page stands. */
import * as Recorder from "kharbranth/Recorder"
import * as Why from "kharbranth/Why"
import type { Explained, OpenedFile, WithReader } from "../state/file.ts"

/** A header can pass the reader's look at it, and lack what an explanation needs. */
const explained = (recording: Recorder.Recording): Explained | undefined => {
  try {
    return { recording, explanation: Why.explain(recording) }
  } catch {
    return undefined
  }
}

const read = (name: string, text: string): OpenedFile => {
  const found = Recorder.fromText(text)
  if (found._tag === "Failure") {
    const { issue, path } = found.failure
    return { name, recordings: [], complaint: `${path.join(" ")}: ${issue}` }
  }
  const recordings = found.success.map(explained)
  const whole = recordings.filter((recording) => recording !== undefined)
  if (whole.length < recordings.length)
    return { name, recordings: whole, complaint: `${recordings.length - whole.length} of its recordings are damaged` }
  return { name, recordings: whole, complaint: whole.length === 0 ? "it has no recording" : undefined }
}

;(globalThis as WithReader).readRecordings = read
