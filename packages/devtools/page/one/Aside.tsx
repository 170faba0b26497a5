/** What stands beside a connection's story: its policies, its subscriptions, and ways to break it. */
import type { Recording } from "kharbranth/Recorder"
import { type FaultName, faults, type Row } from "../../src/internal/wire/wire.ts"
import { confirmFault } from "../state/asking.ts"
import { hello, link } from "../state/live.ts"
import type { Subject } from "../state/subject.ts"
import { bytes, span } from "../words/numbers.ts"

export const Policies = ({ recording }: { readonly recording: Recording }) => {
  const { hosts, policies } = recording.connection
  const said: ReadonlyArray<readonly [string, string]> = [
    ["hosts", hosts.join(", ")],
    ["dialTimeout", span(policies.dialTimeout)],
    ["openTimeout", span(policies.openTimeout)],
    ["maxStall", span(policies.maxStall)],
    ["inbox", bytes(policies.highWaterMark)],
    ["overflow", policies.overflow],
    ["outbox ttl", span(policies.ttl)]
  ]
  return (
    <section aria-label="Policies">
      <h2>Policies</h2>
      <dl class="pairs">
        {said.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}

export const Subscriptions = ({ subscriptions }: Pick<Subject, "subscriptions">) =>
  subscriptions.length === 0 ? null : (
    <section aria-label="Subscriptions">
      <h2>
        Subscriptions <span class="faint">{subscriptions.length}</span>
      </h2>
      <ul class="pairs scroll" tabIndex={0} aria-label="Subscriptions">
        {subscriptions.map(({ state, topic }) => (
          <li key={topic}>
            <span>{topic}</span>
            <span class="faint">{state}</span>
          </li>
        ))}
      </ul>
    </section>
  )

interface WhereProps {
  readonly name: string
  readonly where: { readonly id: number } | { readonly origin: string }
}

const Breaks = ({ name, where }: WhereProps) => {
  const all: ReadonlyArray<FaultName | "heal"> = [...faults, "heal"]
  return (
    <div class="buttons" role="group" aria-label={`Break ${name}`}>
      {all.map((fault) => (
        <button
          key={fault}
          type="button"
          disabled={link.value.is !== "live"}
          onClick={() => confirmFault(fault, name, where)}
        >
          {fault}
        </button>
      ))}
    </div>
  )
}

export const BreakIt = ({ row: { id, name, origin } }: { readonly row: Row }) =>
  hello.value?.faults === true ? (
    <section aria-label="Break it">
      <h2>Break it</h2>
      <p class="faint">this connection</p>
      <Breaks name={name} where={{ id }} />
      {origin === undefined ? null : (
        <>
          <p class="faint">everything to {origin}</p>
          <Breaks name={origin} where={{ origin }} />
        </>
      )}
    </section>
  ) : null
