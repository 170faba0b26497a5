/** The recording's entries, the newest first, each with a way to its cause. */
import type { Entry, Recording } from "kharbranth/Recorder"
import { eventText, moodOf } from "../words/events.ts"
import { clock, grouped } from "../words/numbers.ts"
import { entryId, goToEntry, marked } from "./marked.ts"

interface EntryProps {
  readonly entry: Entry
  readonly startedAt: string
  /** Whether the explanation names it. */
  readonly isNamed: boolean
  /** Whether its cause is still in the recording. */
  readonly hasCause: boolean
}

const EntryRow = ({ entry, hasCause, isNamed, startedAt }: EntryProps) => {
  const { at, because, event, seq } = entry
  return (
    <li id={entryId(seq)} tabIndex={-1} data-marked={marked.value === seq} data-named={isNamed}>
      <span class="number faint">{seq}</span>
      <span class="number">{clock(startedAt, at)}</span>
      <span data-mood={moodOf(event)}>{event._tag}</span>
      <span class="text">{eventText(event)}</span>
      <span>
        {because === undefined ? null : hasCause ? (
          <button type="button" class="jump" onClick={() => goToEntry(because)}>
            because {because}
          </button>
        ) : (
          <span class="faint">because {because}</span>
        )}
      </span>
    </li>
  )
}

const Folded = ({ recording: { evicted, folded } }: { readonly recording: Recording }) => {
  const parts = [
    [folded.probes, "pings"],
    [folded.pulses, "answers"],
    [folded.control, "control frames"],
    [folded.phases, "phases of dials"],
    [folded.edges, "edges of backpressure"],
    [evicted, "evicted for room"]
  ] as const
  const said = parts.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`)
  return said.length === 0 ? null : <p class="faint">only counted: {said.join(", ")}</p>
}

export const Events = (props: { readonly recording: Recording; readonly chain: ReadonlyArray<number> }) => {
  const { chain, recording } = props
  const there = new Set(recording.entries.map(({ seq }) => seq))
  const named = new Set(chain)
  return (
    <section class="events" aria-label="Events">
      <div class="title">
        <h2>Events</h2>
        <Folded recording={recording} />
      </div>
      <ol>
        {recording.entries.toReversed().map((entry) => (
          <EntryRow
            key={entry.seq}
            entry={entry}
            startedAt={recording.startedAt}
            isNamed={named.has(entry.seq)}
            hasCause={entry.because !== undefined && there.has(entry.because)}
          />
        ))}
      </ol>
    </section>
  )
}
