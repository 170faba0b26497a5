/** All connections: the strip, the filter, the table. */
import { link, table, totals } from "../state/live.ts"
import { clearFilter, filterText, view } from "../state/view.ts"
import { grouped } from "../words/numbers.ts"
import { FleetStrip } from "./FleetStrip.tsx"
import { Table } from "./Table.tsx"

const Count = () => {
  const all = totals.value?.connections
  const { total } = table.value
  if (all === undefined) return null
  return (
    <span class="faint">{total === all ? `${grouped(all)} connections` : `${grouped(total)} of ${grouped(all)}`}</span>
  )
}

const Filter = () => {
  const { states, text } = view.value
  const isFiltered = text !== "" || states.length > 0
  return (
    <div class="filter">
      <label>
        <span class="unseen">Filter by name or tag</span>
        <input
          id="filter"
          maxLength={256}
          type="search"
          placeholder="Filter by name or tag  /"
          autocomplete="off"
          spellcheck={false}
          value={text}
          onInput={(event) => filterText(event.currentTarget.value)}
        />
      </label>
      <Count />
      {states.length === 0 ? null : <span class="faint">only {states.join(", ")}</span>}
      {isFiltered ? (
        <button type="button" class="quiet" onClick={clearFilter}>
          Show all
        </button>
      ) : null}
    </div>
  )
}

const Nobody = () => (
  <div class="empty">
    <h2>There is no program behind this page</h2>
    <p>
      Drop a recording anywhere, or <a href="#file">open a file</a>.
    </p>
  </div>
)

export const FleetPage = () =>
  link.value.is === "none" ? (
    <Nobody />
  ) : (
    <>
      <FleetStrip />
      <Filter />
      <Table />
    </>
  )
