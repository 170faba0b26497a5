/**
 * Conversations with a hub server over a raw socket, as data: what the client
 * says and how many records it waits for. Run against the real server they give
 * the traces under `test/traces`; run against the test server they must give
 * the same ones.
 */
import { WebSocket } from "ws"

/** One move of the client. */
export type Move =
  /** Send a record: JSON, or raw text. */
  | { readonly send: unknown }
  /** Answer the server's last question. */
  | { readonly answer: { readonly result: unknown } | { readonly error: string } }
  /** Wait until this many records (pings aside) have come on this socket. */
  | { readonly await: number }
  /** Wait until the server closes the socket. */
  | { readonly awaitClose: true }
  /** Cut the socket and open another one under the same id. */
  | { readonly cut: true }

export interface Scenario {
  readonly name: string
  readonly path: "/hub" | "/stateful"
  /** Raw first record instead of the usual handshake. */
  readonly handshake?: unknown
  readonly moves: ReadonlyArray<Move>
}

const call = (id: number, target: string, ...args: ReadonlyArray<unknown>): Move => ({
  send: { type: 1, invocationId: String(id), target, arguments: args }
})
const stream = (id: number, target: string, ...args: ReadonlyArray<unknown>): Move => ({
  send: { type: 4, invocationId: String(id), target, arguments: args }
})
const upload = (
  id: number,
  target: string,
  streamIds: ReadonlyArray<string>,
  ...args: ReadonlyArray<unknown>
): Move => ({
  send: { type: 1, invocationId: String(id), target, arguments: args, streamIds }
})
const item = (id: string, item: unknown): Move => ({ send: { type: 2, invocationId: id, item } })
const end = (id: string, error?: string): Move => ({ send: { type: 3, invocationId: id, error } })
const records = (n: number): Move => ({ await: n })
const closed: Move = { awaitClose: true }
const cut: Move = { cut: true }

export const scenarios: ReadonlyArray<Scenario> = [
  {
    name: "calls",
    path: "/hub",
    moves: [
      call(1, "Nothing"),
      records(2),
      call(2, "NothingAsync"),
      records(3),
      call(3, "Null"),
      records(4),
      call(4, "Add", 1, 2),
      records(5),
      call(5, "aDD", 3, 4),
      records(6),
      call(6, "Echo", "é✓😀'<>&"),
      records(7),
      call(7, "SingleEntity"),
      records(8),
      call(8, "PushTwoEntities", { text: "a", number: 1 }, { Text: "b", Number: 2 }),
      records(9),
      { send: { type: 1, target: "NoSuch", arguments: [] } },
      { send: { type: 1, target: "Nothing", arguments: [] } },
      call(9, "Add", 5, 6),
      records(10)
    ]
  },
  {
    name: "errors",
    path: "/hub",
    moves: [
      call(1, "Throws"),
      records(2),
      call(2, "ThrowsHub"),
      records(3),
      call(3, "NoSuch"),
      records(4),
      call(4, "Add", "x"),
      records(5),
      call(5, "Add", "x", "y"),
      records(6),
      call(6, "Range", 1, 2, 0),
      records(7),
      stream(7, "Add", 1, 2),
      records(8),
      stream(8, "NoSuch"),
      records(9)
    ]
  },
  {
    name: "streams",
    path: "/hub",
    moves: [
      stream(1, "Range", 5, 3, 0),
      records(5),
      stream(2, "RangeThenThrow", 2),
      records(8),
      stream(3, "Range", 0, 0, 0),
      records(9),
      stream(4, "Range", 0, 1000000, 60000),
      { send: { type: 5, invocationId: "4" } },
      records(10),
      { send: { type: 5, invocationId: "99" } },
      call(5, "Add", 1, 1),
      records(11)
    ]
  },
  {
    name: "uploads",
    path: "/hub",
    moves: [
      upload(1, "Sum", ["u1"]),
      item("u1", 1),
      item("u1", 2),
      end("u1"),
      records(2),
      upload(2, "SumTwo", ["u2", "u3"], 10),
      item("u3", 4),
      item("u2", 1),
      end("u2"),
      end("u3"),
      records(3),
      upload(3, "SumFailing", ["u4"]),
      item("u4", 1),
      end("u4", "gone wrong"),
      records(4),
      item("unknown", 1),
      end("unknown"),
      call(4, "Add", 1, 1),
      records(5),
      upload(5, "First", ["u5"]),
      item("u5", 7),
      records(6),
      item("u5", 8),
      end("u5"),
      call(6, "Add", 2, 2),
      records(7),
      { send: { type: 4, invocationId: "7", target: "Doubled", arguments: [], streamIds: ["u6"] } },
      item("u6", 21),
      records(8),
      end("u6"),
      records(9)
    ]
  },
  {
    name: "client-results",
    path: "/hub",
    moves: [
      call(1, "Call", "note", "hello"),
      records(3),
      call(2, "Ask", "question", "6*7"),
      records(4),
      { answer: { result: "42" } },
      records(5),
      call(3, "Ask", "question", "?"),
      records(6),
      { answer: { error: "no idea" } },
      records(7),
      call(4, "TriggerEntityCallback"),
      records(9)
    ]
  },
  { name: "handshake-protocol", path: "/hub", handshake: { protocol: "smoke", version: 1 }, moves: [closed] },
  { name: "handshake-version", path: "/hub", handshake: { protocol: "json", version: 3 }, moves: [closed] },
  { name: "handshake-garbage", path: "/hub", handshake: "garbage", moves: [closed] },
  {
    name: "handshake-version-2-unasked",
    path: "/hub",
    handshake: { protocol: "json", version: 2 },
    moves: [call(1, "Add", 1, 2), records(2)]
  },
  { name: "client-close", path: "/hub", moves: [{ send: { type: 7 } }, closed] },
  {
    name: "abort",
    path: "/hub",
    moves: [call(1, "Add", 1, 2), records(2), { send: { type: 1, target: "Abort", arguments: [] } }, closed]
  },
  { name: "violation", path: "/hub", moves: [{ send: "garbage" }, closed] },
  {
    name: "resume-after-partial-ack",
    path: "/stateful",
    moves: [
      call(1, "Echo", "m1"),
      call(2, "Echo", "m2"),
      call(3, "Echo", "m3"),
      records(4),
      { send: { type: 8, sequenceId: 1 } },
      records(5),
      cut,
      { send: { type: 9, sequenceId: 4 } },
      records(3),
      call(4, "Echo", "m4"),
      records(4)
    ]
  },
  {
    name: "resume-with-duplicates",
    path: "/stateful",
    moves: [
      call(1, "Echo", "m1"),
      call(2, "Echo", "m2"),
      records(3),
      { send: { type: 8, sequenceId: 2 } },
      records(4),
      cut,
      { send: { type: 9, sequenceId: 1 } },
      call(1, "Echo", "again"),
      call(2, "Echo", "again"),
      call(3, "Echo", "new"),
      records(2)
    ]
  },
  {
    name: "resume-too-high",
    path: "/stateful",
    moves: [
      call(1, "Echo", "m1"),
      records(2),
      { send: { type: 8, sequenceId: 1 } },
      records(3),
      cut,
      { send: { type: 9, sequenceId: 9 } },
      closed
    ]
  }
]

const separator = "\u001e"

/** Stands for the id that a server made up for its question. */
const anyId = "$question"

interface Open {
  readonly socket: WebSocket
  readonly until: (done: (records: number, closed: boolean) => boolean) => Promise<void>
}

// The id of a question among the client's own ids would be a coincidence; servers make up their own.
const questionIn = (record: string): string | undefined => {
  if (!record.startsWith("{")) return undefined
  const { invocationId, type } = JSON.parse(record) as { readonly type?: number; readonly invocationId?: string }
  return type === 1 ? invocationId : undefined
}

// One socket of a conversation, its inbound records and its end.
const connect = (url: string, log: Array<string>, asked: (id: string) => void) =>
  new Promise<Open>((resolve, reject) => {
    const socket = new WebSocket(url)
    let count = 0
    let ended = false
    let wake = () => {}
    socket.on("message", (data: Buffer) => {
      for (const record of data.toString().split(separator)) {
        if (record === "" || record === `{"type":6}`) continue
        count++
        const question = questionIn(record)
        if (question !== undefined) asked(question)
        log.push(
          `< ${question === undefined ? record : record.replace(JSON.stringify(question), JSON.stringify(anyId))}`
        )
      }
      wake()
    })
    socket.on("close", (code) => {
      ended = true
      log.push(`closed ${code}`)
      wake()
    })
    socket.on("error", reject)
    const until = async (done: (records: number, closed: boolean) => boolean) => {
      while (!done(count, ended)) {
        if (ended) throw new Error(`the server closed early:\n${log.join("\n")}`)
        await new Promise<void>((resume, fail) => {
          const stuck = setTimeout(() => fail(new Error(`the server went silent:\n${log.join("\n")}`)), 10_000)
          wake = () => {
            clearTimeout(stuck)
            resume()
          }
        })
      }
    }
    socket.on("open", () => resolve({ socket, until }))
  })

/** Runs a conversation against a server and gives what was said, line by line. */
export const converse = async (base: string, scenario: Scenario): Promise<ReadonlyArray<string>> => {
  const log: Array<string> = []
  const stateful = scenario.path === "/stateful"
  const query = `negotiateVersion=1${stateful ? "&useStatefulReconnect=true" : ""}`
  const answer = await fetch(`${base}${scenario.path}/negotiate?${query}`, { method: "POST" })
  const { connectionToken } = (await answer.json()) as { connectionToken: string }
  const url = `${base.replace(/^http/, "ws")}${scenario.path}?id=${encodeURIComponent(connectionToken)}`
  let question = ""
  const asked = (id: string) => (question = id)
  let { socket, until } = await connect(url, log, asked)
  const send = (record: unknown) => {
    const text = typeof record === "string" ? record : JSON.stringify(record)
    log.push(`> ${question === "" ? text : text.replace(JSON.stringify(question), JSON.stringify(anyId))}`)
    socket.send(text + separator)
  }
  const cutAndReopen = async () => {
    socket.terminate()
    await until((_, closed) => closed)
    log.push("reopened")
    ;({ socket, until } = await connect(url, log, asked))
  }
  send(scenario.handshake ?? { protocol: "json", version: stateful ? 2 : 1 })
  await until((records, closed) => records > 0 || closed)
  for (const move of scenario.moves) {
    if ("send" in move) send(move.send)
    else if ("answer" in move) send({ type: 3, invocationId: question, ...move.answer })
    else if ("await" in move) await until((records) => records >= move.await)
    else if ("cut" in move) await cutAndReopen()
    else await until((_, closed) => closed)
  }
  socket.terminate()
  return log
}
