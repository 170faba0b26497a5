/** Recordings from a file: they are read and explained in the page, without a program. */
import { signal } from "@preact/signals"
import type * as Recorder from "kharbranth/Recorder"
import type * as Why from "kharbranth/Why"
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

type Read = (name: string, text: string) => OpenedFile

/** Where the script that reads files puts its function. */
export interface WithReader {
  readRecordings?: Read
}

/** The name of that script, which the build puts in. */
declare const READER: string

let loading: Promise<Read | undefined> | undefined

/** Loads a classic script: a page that was opened from a folder may not import. */
const load = (): Promise<Read | undefined> =>
  (loading ??= new Promise((resolve) => {
    const script = document.createElement("script")
    script.src = READER
    script.addEventListener("load", () => resolve((globalThis as WithReader).readRecordings))
    script.addEventListener("error", () => {
      loading = undefined
      resolve(undefined)
    })
    document.head.append(script)
  }))

const noReader = "this page is older than its program: load it again, and open the file then"

export const open = async (given: File): Promise<void> => {
  const [read, text] = await Promise.all([load(), given.text()])
  const opened = read?.(given.name, text) ?? { name: given.name, recordings: [], complaint: noReader }
  file.value = opened
  go({ page: "file", index: opened.recordings.length === 1 && opened.complaint === undefined ? 0 : undefined })
}

/** The document is a file's place: a file may be dropped anywhere. */
export const takeDrops = (): void => {
  // Once the page stands, because the program may be gone when a file comes.
  void load()
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
