/** Recordings from a file: they are read and explained in the page, without a program. */
import { signal } from "@preact/signals"
import * as Recorder from "kharbranth/Recorder"
import * as Why from "kharbranth/Why"
import { go } from "./route.ts"

export interface Explained {
  readonly recording: Recorder.Recording
  readonly explanation: Why.Explanation
}

export interface OpenedFile {
  readonly name: string
  readonly recordings: ReadonlyArray<Explained>
  /** What is wrong with it. */
  readonly complaint: string | undefined
}

export const file = signal<OpenedFile | undefined>(undefined)

/** A header can pass the reader's look at it, and lack what an explanation needs. */
const explained = (recording: Recorder.Recording): Explained | undefined => {
  try {
    return { recording, explanation: Why.explain(recording) }
  } catch {
    return undefined
  }
}

export const read = (name: string, text: string): OpenedFile => {
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

export const open = async (given: File): Promise<void> => {
  const opened = read(given.name, await given.text())
  file.value = opened
  go({ page: "file", index: opened.recordings.length === 1 && opened.complaint === undefined ? 0 : undefined })
}

/** The document is a file's place: a file may be dropped anywhere. */
export const takeDrops = (): void => {
  addEventListener("dragover", (event) => event.preventDefault())
  addEventListener("drop", (event) => {
    event.preventDefault()
    const [given] = event.dataTransfer?.files ?? []
    if (given !== undefined) void open(given)
  })
}

/** Lets the browser save recordings as a file. */
export const save = (name: string, text: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }))
  const link = document.createElement("a")
  link.href = url
  link.download = `${name.replaceAll(/[^\w.-]+/g, "_")}.ndjson`
  link.click()
  URL.revokeObjectURL(url)
}
