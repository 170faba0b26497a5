/** How much memory is really in use: for tests that hold it to a bound. */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** Bytes of heap that are left after a collection of garbage. */
export const heapUsed = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}
