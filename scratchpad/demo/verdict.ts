/** The last word: what each of the two clients did with the same faults. */
import { seconds } from "../terminal.ts"
import { percentile } from "./samples.ts"
import type { Audited, Report } from "./wire.ts"

export interface Column {
  readonly undetected: number
  readonly audited: Audited
  readonly report: Report
  readonly messages: number
  /** In milliseconds; a naive client does not know. */
  readonly recoveries: ReadonlyArray<number> | undefined
}

export interface Verdict {
  readonly kharbranth: Column
  readonly naive: Column
  /** Books that were not right when everything should have been. */
  readonly open: number
  /** Looks at books that the venues never judged. */
  readonly unanswered: number
}

/** The naive client must show that the run had something to show. */
export const passed = ({ kharbranth, naive, open, unanswered }: Verdict): boolean =>
  kharbranth.undetected === 0 &&
  kharbranth.audited.wrong === 0 &&
  kharbranth.audited.right > 0 &&
  kharbranth.report.violations === 0 &&
  kharbranth.report.bans === 0 &&
  open === 0 &&
  unanswered === 0 &&
  naive.audited.wrong > 0 &&
  naive.report.violations > 0

const row = (what: string, ours: number | string, theirs: number | string, note = ""): string =>
  `  ${what.padEnd(30)}${String(ours).padStart(14)}${String(theirs).padStart(14)}${note === "" ? "" : `   ${note}`}`

const must = (n: number): string => (n === 0 ? "" : "<- must be 0")

const recovery = ({ recoveries }: Column, share: number): string =>
  recoveries === undefined ? "unknown" : seconds(percentile(recoveries, share))

const rulesOf = ({ rules }: Report): ReadonlyArray<string> =>
  Object.entries(rules)
    .toSorted(([, left], [, right]) => right - left)
    .slice(0, 5)
    .map(([rule, times]) => `    ${times} × ${rule}`)

export const text = (verdict: Verdict, left: string): string => {
  const { kharbranth, naive, open, unanswered } = verdict
  return [
    "",
    row("", "kharbranth", "naive"),
    row("undetected gaps", kharbranth.undetected, naive.undetected, must(kharbranth.undetected)),
    row(
      "books looked at",
      kharbranth.audited.right + kharbranth.audited.wrong,
      naive.audited.right + naive.audited.wrong
    ),
    row("wrong books believed", kharbranth.audited.wrong, naive.audited.wrong, must(kharbranth.audited.wrong)),
    row(
      "rules of venues broken",
      kharbranth.report.violations,
      naive.report.violations,
      must(kharbranth.report.violations)
    ),
    row("bans", kharbranth.report.bans, naive.report.bans, must(kharbranth.report.bans)),
    row("dials", kharbranth.report.dials, naive.report.dials),
    row("messages", kharbranth.messages.toLocaleString("en"), naive.messages.toLocaleString("en")),
    row("recoveries of books", kharbranth.recoveries?.length ?? 0, "unknown"),
    row("  half of them within", recovery(kharbranth, 0.5), recovery(naive, 0.5)),
    row("  99 of 100 within", recovery(kharbranth, 0.99), recovery(naive, 0.99)),
    row("books not right at the end", open, "unknown", must(open)),
    ...(unanswered === 0 ? [] : [row("looks that nobody judged", unanswered, "", must(unanswered))]),
    row("faults injected", kharbranth.report.injected, naive.report.injected),
    ...(naive.report.violations === 0 ? [] : ["", "  what the naive client broke:", ...rulesOf(naive.report)]),
    ...(kharbranth.report.violations === 0 ? [] : ["", "  what kharbranth broke:", ...rulesOf(kharbranth.report)]),
    ...(kharbranth.audited.example === undefined ? [] : ["", `  wrong: ${kharbranth.audited.example}`]),
    "",
    `  left running: ${left}`,
    "",
    passed(verdict) && left === "nothing" ? "  PASSED" : "  FAILED",
    ""
  ].join("\n")
}
