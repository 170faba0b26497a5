/** The five lines of an explanation, and what several sessions have in common. */
import type { Explanation } from "kharbranth/Why"

const lines: ReadonlyArray<readonly [title: string, of: (explanation: Explanation) => string]> = [
  ["what", ({ what }) => what],
  ["because", ({ because }) => because],
  ["you", ({ you }) => you],
  ["next", ({ next }) => next],
  ["do", ({ advice }) => advice]
]

export const WhyCard = ({ explanation }: { readonly explanation: Explanation | undefined }) => {
  if (explanation === undefined)
    return (
      <section class="why" aria-label="Why">
        <p class="faint">The program has no recorder, so nothing can be explained. Provide Recorder.layer() to it.</p>
      </section>
    )
  return (
    <section class="why" aria-label="Why">
      <dl>
        {lines.map(([title, of]) => (
          <div key={title} data-line={title}>
            <dt>{title}</dt>
            <dd>{of(explanation)}</dd>
          </div>
        ))}
        {explanation.patterns.map(({ kind, text }) => (
          <div key={kind} data-line="pattern">
            <dt>{kind}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
