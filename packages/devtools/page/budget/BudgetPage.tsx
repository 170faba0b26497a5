/** What each key of the dial budget lets through, and who waits for it. */
import type { Budget } from "../../src/internal/wire/wire.ts"
import { budget, hello, link } from "../state/live.ts"
import { grouped, span } from "../words/numbers.ts"

type Key = Budget["keys"][number]

const shown = 6

const Waiters = ({ waiters, waiting }: Pick<Key, "waiters" | "waiting">) => {
  const more = waiting - Math.min(shown, waiters.length)
  return (
    <>
      {waiters.slice(0, shown).join(", ")}
      {waiters.length > 0 && more > 0 ? <span class="faint"> and {grouped(more)} more</span> : null}
    </>
  )
}

const KeyRow = ({ of }: { readonly of: Key }) => (
  <tr>
    <th scope="row">{of.key}</th>
    <td>
      <span class="state">
        <i class="dot" data-breaker={of.breaker} />
        {of.breaker}
        {of.probesIn === undefined ? null : <span class="faint"> · probes in {span(of.probesIn)}</span>}
      </span>
    </td>
    <td class="number">{grouped(of.dialing)}</td>
    <td class="number">{grouped(of.waiting)}</td>
    <td>
      <Waiters waiters={of.waiters} waiting={of.waiting} />
    </td>
  </tr>
)

/** Open breakers first, then the longest lines. */
const byTrouble = (a: Key, b: Key): number =>
  Number(a.breaker === "Closed") - Number(b.breaker === "Closed") || b.waiting - a.waiting || a.key.localeCompare(b.key)

export const BudgetPage = () => {
  const keys = budget.value?.keys
  if (keys === undefined || hello.value === undefined || link.value.is === "none")
    return <p class="empty">Nothing has been said about a budget yet.</p>
  if (keys.length === 0) return <p class="empty">No dial has asked the budget yet.</p>
  return (
    <table class="plain">
      <caption class="unseen">Dial budget</caption>
      <thead>
        <tr>
          <th scope="col">key</th>
          <th scope="col">breaker</th>
          <th scope="col" class="number">
            dialing
          </th>
          <th scope="col" class="number">
            waiting
          </th>
          <th scope="col">who waits</th>
        </tr>
      </thead>
      <tbody>
        {keys.toSorted(byTrouble).map((key) => (
          <KeyRow key={key.key} of={key} />
        ))}
      </tbody>
    </table>
  )
}
