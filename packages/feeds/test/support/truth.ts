/** Compares a believed book with the right one of a simulated venue. */
import type { TrueBook } from "../../src/simulator/Ledger.ts"
import type * as Simulator from "../../src/simulator/Simulator.ts"
import type { Believed } from "./naive.ts"

/** So many best levels are compared. */
export const depth = 10

type Side = TrueBook["bids"]

type Sides = Pick<TrueBook, "bids" | "asks">

const sameSide = (left: Side, right: Side): boolean =>
  left.length === right.length &&
  left.every(([price, size], index) => {
    const other = right[index]
    return other !== undefined && Number(price) === Number(other[0]) && Number(size) === Number(other[1])
  })

/** Whether two books have the same levels, however their numbers are written. */
export const same = (left: Sides, right: Sides): boolean =>
  sameSide(left.bids, right.bids) && sameSide(left.asks, right.asks)

const sideText = (levels: Side): string =>
  levels
    .slice(0, 3)
    .map(([price, size]) => `${price}@${size}`)
    .join(" ")

/** The first levels of a book. */
export const text = ({ asks, bids }: Sides): string => `${sideText(bids)} | ${sideText(asks)}`

/** The right book where a believed one says that it stands. Not every venue's numbers can be looked up; then its time is. */
export const truthOf = (
  simulator: Simulator.Simulator,
  { sequence, symbol, venueTime }: Believed
): TrueBook | undefined =>
  (sequence === undefined ? undefined : simulator.book(symbol, { sequence }, depth)) ??
  (venueTime === undefined ? undefined : simulator.book(symbol, { time: venueTime }, depth))
