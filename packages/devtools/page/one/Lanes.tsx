/** The sessions as lanes: the phases of each dial, how long it was ready, what ended it. */
import type { Recording } from "kharbranth/Recorder"
import { clock, span } from "../words/numbers.ts"
import { type Lane, lanesOf, type Phase, spanOf } from "./lanes.ts"
import { goToEntry } from "./marked.ts"

const percent = (part: number): string => `${(part * 100).toFixed(3)}%`

/** A phase too short to see is still there. */
const least = 0.02

const widths = (phases: ReadonlyArray<Phase>): ReadonlyArray<number> => {
  const whole = phases.reduce((sum, { took }) => sum + took, 0)
  const raw = phases.map(({ took }) => Math.max(least, whole === 0 ? 1 : took / whole))
  const sum = raw.reduce((total, width) => total + width, 0)
  return raw.map((width) => width / sum)
}

const Dial = ({ phases }: { readonly phases: ReadonlyArray<Phase> }) => {
  if (phases.length === 0) return <span class="faint">–</span>
  const parts = widths(phases)
  let x = 0
  const text = phases.map(({ name, took }) => `${name} ${span(took)}`).join(", ")
  return (
    <>
      <svg role="img" aria-label={text} height="10">
        <title>{text}</title>
        {phases.map(({ name }, index) => {
          const from = x
          x += parts[index]!
          return (
            <rect
              key={`${index} ${name}`}
              data-phase={name}
              x={percent(from)}
              width={percent(parts[index]!)}
              height="10"
            />
          )
        })}
      </svg>
      <span class="took">{span(phases.reduce((sum, { took }) => sum + took, 0))}</span>
    </>
  )
}

interface LifeProps {
  readonly lane: Lane
  readonly axis: { readonly from: number; readonly to: number }
}

const Life = ({ axis: { from, to }, lane: { dialedAt, endedAt, readyAt, ...lane } }: LifeProps) => {
  const at = (time: number) => (time - from) / (to - from)
  const end = endedAt ?? to
  const bar = (name: string, begin: number, until: number) => (
    <rect data-life={name} x={percent(at(begin))} width={percent(at(until) - at(begin))} height="10" />
  )
  const lived = readyAt === undefined ? "never ready" : `ready for ${span(end - readyAt)}`
  return (
    <svg role="img" aria-label={lived} height="10">
      <title>{lived}</title>
      {dialedAt === undefined ? null : bar("dial", dialedAt, readyAt ?? end)}
      {readyAt === undefined ? null : bar("ready", readyAt, end)}
      {lane.end === undefined ? null : (
        <line data-by={lane.end.by} x1={percent(at(end))} x2={percent(at(end))} y1="-1" y2="11" />
      )}
    </svg>
  )
}

const LaneRow = ({ axis, lane, startedAt }: LifeProps & { readonly startedAt: string }) => {
  const { dialedAt, end, endedAt, epoch, phases, readyAt, role } = lane
  const begun = dialedAt ?? readyAt
  return (
    <tr>
      <th scope="row">
        {epoch}
        {role === "active" ? null : <span class="faint"> {role}</span>}
      </th>
      <td class="number">{begun === undefined ? "–" : clock(startedAt, begun)}</td>
      <td class="dial">
        <Dial phases={phases} />
      </td>
      <td class="life">
        <Life lane={lane} axis={axis} />
      </td>
      <td class="number">{readyAt === undefined ? "–" : span((endedAt ?? axis.to) - readyAt)}</td>
      <td class="clip">
        {end === undefined ? (
          <span class="faint">{endedAt === undefined ? "alive" : ""}</span>
        ) : (
          <button type="button" class="jump" onClick={() => goToEntry(end.seq)}>
            {end.text}
          </button>
        )}
      </td>
    </tr>
  )
}

const order = ["target", "permit", "connect", "dns", "tcp", "proxy", "tls", "http", "open"]

const Legend = ({ lanes }: { readonly lanes: ReadonlyArray<Lane> }) => {
  const seen = new Set(lanes.flatMap(({ phases }) => phases.map(({ name }) => name)))
  return (
    <p class="legend">
      {order
        .filter((name) => seen.has(name))
        .map((name) => (
          <span key={name}>
            <i data-phase={name} />
            {name}
          </span>
        ))}
    </p>
  )
}

export const Lanes = ({ recording }: { readonly recording: Recording }) => {
  const lanes = lanesOf(recording)
  if (lanes.length === 0) return null
  const axis = spanOf(lanes, recording.takenAt)
  return (
    <section class="lanes" aria-label="Sessions">
      <div class="title">
        <h2>Sessions</h2>
        <Legend lanes={lanes} />
      </div>
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">session</th>
            <th scope="col" class="number">
              dialed
            </th>
            <th scope="col">dial</th>
            <th scope="col">
              <span class="ends">
                <span>{clock(recording.startedAt, axis.from)}</span>
                <span>{clock(recording.startedAt, axis.to)} UTC</span>
              </span>
            </th>
            <th scope="col" class="number">
              ready for
            </th>
            <th scope="col">ended by</th>
          </tr>
        </thead>
        <tbody>
          {lanes.map((lane) => (
            <LaneRow key={lane.epoch} lane={lane} axis={axis} startedAt={recording.startedAt} />
          ))}
        </tbody>
      </table>
    </section>
  )
}
