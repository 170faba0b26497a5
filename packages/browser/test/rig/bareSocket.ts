import { CountedTarget } from "./countedTarget.ts"

/** A socket that is a bare event target: it does what it is told to, also what real ones rarely do. */
export class Socket extends CountedTarget {
  readyState = 0
  bufferedAmount = 0
  protocol = ""
  binaryType = "blob"
  readonly sent: Array<unknown> = []
  readonly closes: Array<ReadonlyArray<unknown>> = []
  refuses = false

  send(frame: unknown) {
    if (this.refuses) throw new Error("refuses")
    this.sent.push(frame)
  }
  close(...args: ReadonlyArray<unknown>) {
    this.closes.push(args)
    if (this.refuses) throw new Error("refuses")
  }

  tell(type: string, more: object = {}) {
    if (type === "open") this.readyState = 1
    if (type === "close") this.readyState = 3
    this.dispatchEvent(Object.assign(new Event(type), more))
  }
  say(data: string) {
    this.tell("message", { data })
  }
}
