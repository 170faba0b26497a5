/** The fleet in one line: states as counters and filters, rates, losses, and whose trouble it is. */
import type { StateName } from "../../src/internal/wire/wire.ts"
import { totals } from "../state/live.ts"
import { go } from "../state/route.ts"
import { toggleState, view } from "../state/view.ts"
import { grouped, millis, rate } from "../words/numbers.ts"

/** In the order in which one wants to read them. */
const order: ReadonlyArray<StateName> = ["Connected", "Connecting", "Reconnecting", "Failed", "Disconnected", "Closing"]

const Chip = ({ state }: { readonly state: StateName }) => {
  const count = totals.value?.states[state]
  const isOn = view.value.states.includes(state)
  const filter = () => {
    toggleState(state)
    go({ page: "fleet" })
  }
  return (
    <button type="button" class="chip" aria-pressed={isOn} data-none={count === 0} onClick={filter}>
      <i class="dot" data-state={state} />
      {state} <b>{count === undefined ? "–" : grouped(count)}</b>
    </button>
  )
}

const Figure = (props: {
  readonly name: string
  readonly value: string | undefined
  readonly mood?: boolean | undefined
  readonly title?: string
}) => (
  <div class="figure" title={props.title}>
    <dt>{props.name}</dt>
    <dd data-mood={props.mood === true ? "bad" : undefined}>{props.value ?? "–"}</dd>
  </div>
)

const Blame = () => {
  const parts = Object.entries(totals.value?.blame ?? {})
    .filter(([, count]) => count > 0)
    .toSorted(([, a], [, b]) => b - a)
  return (
    <div class="figure blames">
      <dt>whose trouble</dt>
      <dd>
        {parts.length === 0 ? "nobody’s" : null}
        {parts.map(([blame, count]) => (
          <span key={blame}>
            {blame} <b>{grouped(count)}</b>
          </span>
        ))}
      </dd>
    </div>
  )
}

export const TopLine = () => {
  const now = totals.value
  return (
    <section class="top" aria-label="All connections">
      <div class="chips" role="group" aria-label="Filter by state">
        {order.map((state) => (
          <Chip key={state} state={state} />
        ))}
      </div>
      <dl class="figures">
        <Figure name="in" value={now && `${rate(now.inRate)}/s`} title="messages a second" />
        <Figure name="out" value={now && `${rate(now.outRate)}/s`} title="messages a second" />
        <Figure name="gaps" value={now && grouped(now.gaps)} title="in the last hour" />
        <Figure
          name="losses"
          value={now && grouped(now.losses)}
          mood={now && now.losses > 0}
          title="in the last hour"
        />
        <Figure name="breakers open" value={now && grouped(now.breakersOpen)} mood={now && now.breakersOpen > 0} />
        <Figure
          name="event loop"
          value={now && millis(now.loopDelay)}
          mood={now && now.loopDelay > 100}
          title="how late it was in the last second"
        />
        <Blame />
      </dl>
    </section>
  )
}
