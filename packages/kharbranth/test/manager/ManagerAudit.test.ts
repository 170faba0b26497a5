// Proves that no command of a manager hangs or ends untyped, whatever has become
// of the name: every command, by name, by key, as a broadcast and through the
// queue, against a name that nobody has, that is being dialed, waits for its next
// dial, has not started, is paused, has given up, is closing, is closed, or whose
// manager is closed. What waits, waits for a connection that may still become
// Ready, and ends when its name is closed; every failure bears the name; and no
// command leaves a socket, a dial, or a manager that does not close.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { commands, type Condition, conditions, outcomeOf } from "./managerAudit.ts"

/** Errors without the words "Connection" and "Handshake". */
const table = `
                  | never opened | mid-dial           | between dials      | not started  | paused             | given up     | closing  | closed   | manager closed
get               | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
get by key        | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
send              | NotFound     | NotConnected       | NotConnected       | NotConnected | NotConnected       | NotConnected | NotFound | NotFound | NotFound
send, held        | NotFound     | waits NotConnected | waits NotConnected | ok           | waits NotConnected | NotConnected | NotFound | NotFound | NotFound
send by key       | NotFound     | NotConnected       | NotConnected       | NotConnected | NotConnected       | NotConnected | NotFound | NotFound | NotFound
restart           | NotFound     | waits NotConnected | waits NotConnected | ok           | ok                 | Rejected     | NotFound | NotFound | NotFound
rotate            | NotFound     | waits NotConnected | waits NotConnected | ok           | ok                 | Rejected     | NotFound | NotFound | NotFound
update            | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
pause             | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
resume            | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
awaitReady        | NotFound     | waits NotConnected | waits NotConnected | ok           | waits NotConnected | Rejected     | NotFound | NotFound | NotFound
awaitReady, all   | ok           | waits NotConnected | waits NotConnected | ok           | waits NotConnected | Rejected     | ok       | ok       | ok
messages          | NotFound     | waits ok           | waits ok           | waits ok     | waits ok           | waits ok     | NotFound | NotFound | NotFound
messages by key   | NotFound     | waits ok           | waits ok           | waits ok     | waits ok           | waits ok     | NotFound | NotFound | NotFound
snapshot          | ok           | ok                 | ok                 | ok           | ok                 | ok           | ok       | ok       | ok
close             | ok           | ok                 | ok                 | ok           | ok                 | ok           | waits ok | ok       | ok
closeAll          | ok           | ok                 | ok                 | ok           | ok                 | ok           | waits ok | ok       | ok
connect           | ok           | Exists             | Exists             | Exists       | Exists             | Exists       | waits ok | ok       | NotConnected
ensure            | ok           | ok                 | ok                 | ok           | ok                 | ok           | waits ok | ok       | NotConnected
broadcast restart | NotFound     | waits NotConnected | waits NotConnected | ok           | ok                 | Rejected     | NotFound | NotFound | NotFound
broadcast rotate  | NotFound     | waits NotConnected | waits NotConnected | ok           | ok                 | Rejected     | NotFound | NotFound | NotFound
broadcast probe   | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
broadcast pause   | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
broadcast resume  | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
broadcast send    | NotFound     | NotConnected       | NotConnected       | NotConnected | NotConnected       | NotConnected | NotFound | NotFound | NotFound
broadcast drain   | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
broadcast close   | NotFound     | ok                 | ok                 | ok           | ok                 | ok           | NotFound | NotFound | NotFound
queued send       | NotFound     | NotConnected       | NotConnected       | NotConnected | NotConnected       | NotConnected | NotFound | NotFound | ok
queued restart    | NotFound     | ok                 | ok                 | ok           | ok                 | Rejected     | NotFound | NotFound | ok
`

const cells = (line: string): ReadonlyArray<string> => line.split("|").map((cell) => cell.trim())
const [, ...columns] = cells(table.trim().split("\n")[0]!)
const rows = new Map(
  table
    .trim()
    .split("\n")
    .slice(1)
    .map((line) => [cells(line)[0]!, cells(line).slice(1)])
)

const brief = (outcome: string): string => outcome.replace(/Connection(?=NotFound|Exists)|Handshake/, "")

describe("every command", () => {
  for (const condition of Object.keys(conditions) as ReadonlyArray<Condition>) {
    it.effect(`against a name that is in the condition "${condition}"`, () =>
      Effect.gen(function* () {
        const column = columns.indexOf(condition)
        const expected = [...rows].map(([command, row]) => `${command}: ${row[column]}`)
        const outcomes = yield* Effect.forEach(Object.keys(commands), (command) =>
          Effect.map(
            Effect.scoped(outcomeOf(condition, command as keyof typeof commands)),
            (outcome) => `${command}: ${brief(outcome)}`
          )
        )
        assert.deepStrictEqual(outcomes, expected)
      })
    )
  }
})
