/** One connection: why it is where it is, its sessions, its events, its figures. */
import { gone, link } from "../state/live.ts"
import { above, hrefOf, route } from "../state/route.ts"
import { subject } from "../state/subject.ts"
import { BreakIt, Policies, Subscriptions } from "./Aside.tsx"
import { Charts } from "./Charts.tsx"
import { Events } from "./Events.tsx"
import { Heading } from "./Heading.tsx"
import { Lanes } from "./Lanes.tsx"
import { WhyCard } from "./WhyCard.tsx"

const Missing = () => {
  const at = route.value
  const text =
    at.page === "file"
      ? "This page has no such recording: open the file again."
      : link.value.is === "live" && gone.value !== undefined
        ? "This connection has ended."
        : "Waiting for the program …"
  return (
    <div class="empty">
      <p>{text}</p>
      <a href={hrefOf(above(at))}>Back</a>
    </div>
  )
}

/** It was closed while one looked at it: what was seen last stays. */
const Ended = () => {
  const at = route.value
  return at.page === "connection" && gone.value === at.id ? (
    <p class="ended" role="status">
      This connection has ended. What you see is the last that was known of it.
    </p>
  ) : null
}

export const ConnectionPage = () => {
  const about = subject.value
  if (about === undefined) return <Missing />
  const { explanation, recording, row, subscriptions } = about
  return (
    <div class="one">
      <Heading subject={about} />
      <Ended />
      <div class="columns">
        <div class="story">
          <WhyCard explanation={explanation} />
          {recording === undefined ? null : (
            <>
              <Lanes recording={recording} />
              <Events recording={recording} chain={explanation?.chain ?? []} />
            </>
          )}
        </div>
        <aside aria-label="Beside">
          {row === undefined ? null : <Charts />}
          <Subscriptions subscriptions={subscriptions} />
          {recording === undefined ? null : <Policies recording={recording} />}
          {row === undefined ? null : <BreakIt row={row} />}
        </aside>
      </div>
    </div>
  )
}
