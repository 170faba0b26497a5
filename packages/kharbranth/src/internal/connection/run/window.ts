/**
 * Chooses when to rotate within hours in which that does no harm. A value of its
 * own, so that a connection without a window does not carry it.
 */
import type { RotationWindow } from "../../../Connection.ts"
import { total } from "../../kit/guard.ts"

const minute = 60_000
/** It looks no further back than a week, however old a session may grow. */
const reach = 7 * 24 * 60 * minute

export const make = (isSafe: (time: number) => boolean): RotationWindow => {
  const isSafeAt = total(isSafe, () => false)
  return {
    choose: (now, latest, chance) => {
      // A session that is young yet would otherwise be replaced again and again within one window.
      const earliest = Math.max((now + latest) / 2, latest - reach)
      let end = latest
      while (end > earliest && !isSafeAt(end)) end -= minute
      if (end <= earliest) return latest
      let start = end
      while (start - minute >= earliest && isSafeAt(start - minute)) start -= minute
      return start + chance * (end - start)
    }
  }
}
