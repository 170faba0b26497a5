/** Which connection this is, how it does, and what one can do to it. */
import type { ComponentChildren } from "preact"
import * as Recorder from "kharbranth/Recorder"
import { type CommandName, commands, type Row } from "../../src/internal/wire/wire.ts"
import { copyWhy, mayCommand } from "../shell/keys.ts"
import { confirmCommand } from "../state/asking.ts"
import { save } from "../state/file.ts"
import { hello } from "../state/live.ts"
import { above, hrefOf, route } from "../state/route.ts"
import type { Subject } from "../state/subject.ts"
import { Age } from "../words/Age.tsx"
import { Countdown } from "../words/Countdown.tsx"
import { bytes, grouped, millis, rate } from "../words/numbers.ts"
import { StateName } from "../words/StateName.tsx"

const keyOf: Readonly<Record<CommandName, string>> = { restart: "r", rotate: "o", probe: "p", close: "c" }

const Commands = ({ row }: { readonly row: Row }) =>
  hello.value?.commands === true ? (
    <>
      {commands.map((command) => (
        <button
          key={command}
          type="button"
          aria-keyshortcuts={keyOf[command]}
          disabled={!mayCommand()}
          onClick={() => confirmCommand(command, row)}
        >
          {command} <kbd>{keyOf[command]}</kbd>
        </button>
      ))}
    </>
  ) : null

const Pair = ({ name, value }: { readonly name: string; readonly value: ComponentChildren }) => (
  <div class="figure">
    <dt>{name}</dt>
    <dd>{value}</dd>
  </div>
)

const Figures = ({ row }: { readonly row: Row }) => (
  <dl class="figures">
    <Pair name="session" value={grouped(row.epoch)} />
    <Pair name="for" value={<Age since={row.since} />} />
    {row.nextAt === undefined ? null : <Pair name="next dial" value={<Countdown until={row.nextAt} />} />}
    <Pair name="in" value={`${rate(row.inRate)}/s`} />
    <Pair name="out" value={`${rate(row.outRate)}/s`} />
    <Pair name="round trip" value={row.rtt === undefined ? "–" : millis(row.rtt)} />
    <Pair name="inbox" value={`${grouped(row.inbox.messages)} · ${bytes(row.inbox.bytes)}`} />
    <Pair name="outbox" value={`${grouped(row.outbox.messages)} · ${bytes(row.outbox.bytes)}`} />
    <Pair name="gaps" value={grouped(row.gaps)} />
  </dl>
)

export const Heading = ({ subject }: { readonly subject: Subject }) => {
  const { explanation, name, recording, row } = subject
  const state = row?.state ?? recording?.state._tag
  // Of a recording there is no row, which would know whether that trouble is over.
  const blame = row === undefined ? explanation?.blame : row.blame
  return (
    <div class="heading">
      <div class="line">
        <a class="back" href={hrefOf(above(route.value))} aria-label="Back">
          ←
        </a>
        <h2>{name}</h2>
        {row?.tags.map((tag) => (
          <span key={tag} class="tag faint">
            {tag}
          </span>
        ))}
        {state === undefined ? null : <StateName state={state} detail={row?.detail} />}
        {blame === undefined ? null : <span class="blame">{blame}</span>}
        <div class="buttons">
          {row === undefined ? null : <Commands row={row} />}
          {explanation === undefined ? null : (
            <button type="button" aria-keyshortcuts="y" onClick={copyWhy}>
              copy why <kbd>y</kbd>
            </button>
          )}
          {recording === undefined ? null : (
            <button type="button" onClick={() => save(name, Recorder.toText(recording))}>
              download recording
            </button>
          )}
        </div>
      </div>
      {row === undefined ? null : <Figures row={row} />}
    </div>
  )
}
