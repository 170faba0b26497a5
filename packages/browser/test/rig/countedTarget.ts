/** Counts its listeners, so that a leak shows. */
export class CountedTarget extends EventTarget {
  listeners = 0

  override addEventListener(...args: Parameters<EventTarget["addEventListener"]>) {
    this.listeners++
    super.addEventListener(...args)
  }
  override removeEventListener(...args: Parameters<EventTarget["removeEventListener"]>) {
    this.listeners--
    super.removeEventListener(...args)
  }
}
