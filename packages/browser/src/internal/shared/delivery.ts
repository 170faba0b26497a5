/**
 * Waits until what was posted on a channel has been delivered. A last message
 * is posted, and once it has come back to a second channel of our own, those
 * before it have reached the others.
 */
import { isTabMessage, type TabMessage } from "./tabMessage.ts"

/** How long the last message is waited for, in milliseconds. */
const atMost = 250

/** `then` may be called twice: by the message and by the clock. */
export const whenDelivered = (
  options: {
    readonly term: string
    readonly openChannel: () => BroadcastChannel
    readonly post: (message: TabMessage) => void
    readonly after: (millis: number, then: () => void) => void
  },
  then: () => void
): void => {
  const { term } = options
  const echo = options.openChannel()
  const finish = () => {
    echo.close()
    then()
  }
  echo.addEventListener("message", ({ data }) => {
    if (isTabMessage(data) && data.kind === "farewell" && data.term === term) finish()
  })
  options.post({ kind: "farewell", term })
  options.after(atMost, finish)
}
