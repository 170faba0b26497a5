/** A state as a coloured dot and its name. */
export const StateName = ({ detail, state }: { readonly state: string; readonly detail?: string | undefined }) => (
  <span class="state">
    <i class="dot" data-state={state} />
    {state}
    {detail === undefined || detail === "" ? null : <span class="faint"> · {detail}</span>}
  </span>
)
