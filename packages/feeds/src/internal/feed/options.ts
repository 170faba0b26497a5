/** What is wrong with the options of a feed, of its venues and of its readers, if anything. */
import { InvalidOptions } from "kharbranth/ConnectionError"
import type { Options, ReadOptions } from "../../Feed.ts"
import type { Venue } from "../../Venue.ts"
import * as Check from "../kit/check.ts"
import { limitsIssues } from "../venue/options.ts"

const refused = (name: string, [first]: Check.Issues): InvalidOptions | undefined =>
  first && new InvalidOptions({ connection: name, path: first.path, issue: first.issue })

const ofVenue = (path: Check.Path, { issues = [], lines }: Venue): Check.Issues => [
  ...issues.map(({ issue, path: inside }) => ({ path: [...path, ...inside], issue })),
  ...Object.entries(lines).flatMap(([key, { limits }]) => limitsIssues([...path, "lines", key, "limits"], limits))
]

const ofVenues = ({ venue, venues }: Options): Check.Issues => {
  if (venue !== undefined && venues !== undefined)
    return [{ path: ["venues"], issue: "give `venue` or `venues`, not both" }]
  if (venue !== undefined) return ofVenue(["venue"], venue)
  if (venues === undefined || venues.length === 0) return [{ path: ["venues"], issue: "expected at least one venue" }]
  return venues.flatMap((one, index) => {
    const isAgain = venues.findIndex(({ id }) => id === one.id) < index
    const again = { path: ["venues", index], issue: `there is another venue with the id "${one.id}"` }
    return isAgain ? [again] : ofVenue(["venues", index], one)
  })
}

export const check = (options: Options): InvalidOptions | undefined =>
  refused("feed", [
    ...ofVenues(options),
    ...Check.wholeNumber(["maxConnections"], options.maxConnections, 1),
    ...Check.wholeNumber(["lines"], options.lines, 1)
  ])

export const checkReading = (name: string, options: ReadOptions | undefined): InvalidOptions | undefined =>
  refused(name, Check.wholeNumber(["capacity"], options?.capacity, 1))
