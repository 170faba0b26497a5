/** Whether this machine has time for the fleet alone: where it has not, times say nothing about the fleet. */
import { readFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"

const samples = 40
const every = 50

/** How many threads run or wait for a processor in this moment; Linux alone says so. */
const runnable = (): number => {
  try {
    return Number(readFileSync("/proc/loadavg", "utf8").split(" ")[3]?.split("/")[0])
  } catch {
    return loadavg()[0]!
  }
}

/**
 * Looks for two seconds at a fleet that is at rest, which keeps far less than one processor busy. Whatever keeps all
 * of them busy then is something else. The load average cannot tell, for it remembers the fleet's own work.
 */
export const isQuiet = async (): Promise<boolean> => {
  let sum = 0
  for (let n = 0; n < samples; n++) {
    sum += runnable()
    await sleep(every)
  }
  return sum / samples <= cpus().length
}
