/** A socket that is a bare event target: it does what it is told to, also what real ones rarely do. */
export class Socket extends EventTarget {
  readyState = 0
  bufferedAmount = 0
  protocol = ""
  binaryType = "blob"
  listeners = 0
  readonly sent: Array<unknown> = []
  readonly closes: Array<ReadonlyArray<unknown>> = []
  refuses = false

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>) {
    this.listeners++
    super.addEventListener(...args)
  }
  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>) {
    this.listeners--
    super.removeEventListener(...args)
  }
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
