/** The table's columns: how each is named, sorted and written. */
import type { ComponentChildren } from "preact"
import type { Column, Row } from "../../src/internal/wire/wire.ts"
import { Age } from "../words/Age.tsx"
import { Countdown } from "../words/Countdown.tsx"
import { bytes, count, grouped, millis, rate, span } from "../words/numbers.ts"
import { StateName } from "../words/StateName.tsx"
import { Sparkline } from "./Sparkline.tsx"

export interface TableColumn {
  readonly title: string
  /** What the program sorts by. */
  readonly sort: Column | undefined
  readonly isNumber: boolean
  readonly cell: (row: Row) => ComponentChildren
}

const number = (title: string, sort: Column, cell: TableColumn["cell"]): TableColumn => ({
  title,
  sort,
  isNumber: true,
  cell
})

const words = (title: string, sort: Column | undefined, cell: TableColumn["cell"]): TableColumn => ({
  title,
  sort,
  isNumber: false,
  cell
})

/** Nothing is no news: zeros step back. */
const unless = (n: number, text: string): ComponentChildren => (n === 0 ? <span class="nothing">0</span> : text)

const outbox = ({ messages, oldestAge }: Row["outbox"]): ComponentChildren =>
  messages === 0 ? (
    <span class="nothing">0</span>
  ) : (
    `${count(messages)}${oldestAge === undefined ? "" : ` · ${span(oldestAge)}`}`
  )

export const tableColumns: ReadonlyArray<TableColumn> = [
  words("name", "name", ({ name, tags }) => (
    <>
      <b>{name}</b>
      {tags.map((tag) => (
        <span key={tag} class="faint tag">
          {tag}
        </span>
      ))}
    </>
  )),
  words("state", "state", ({ detail, state }) => <StateName state={state} detail={detail} />),
  words("blame", "blame", ({ blame }) => <span class="blame">{blame}</span>),
  number("epoch", "epoch", ({ epoch }) => grouped(epoch)),
  number("for", "age", ({ since }) => <Age since={since} />),
  number("in/s", "inRate", ({ inRate }) => unless(inRate, rate(inRate))),
  number("out/s", "outRate", ({ outRate }) => unless(outRate, rate(outRate))),
  number("round trip", "rtt", ({ rtt, rtts }) =>
    rtt === undefined ? null : (
      <>
        <Sparkline values={rtts} />
        <span class="rtt">{millis(rtt)}</span>
      </>
    )
  ),
  number("inbox", "inbox", ({ inbox }) => unless(inbox.messages, bytes(inbox.bytes))),
  number("outbox", "outbox", ({ outbox: waiting }) => outbox(waiting)),
  number("gaps", "gaps", ({ gaps }) => unless(gaps, grouped(gaps))),
  number("next", "next", ({ nextAt }) => (nextAt === undefined ? null : <Countdown until={nextAt} />)),
  words("why", undefined, ({ why }) => why)
]
