/** Questions to a process of the rig, and its answers, over Node's own channel. */
import { type ChildProcess, fork } from "node:child_process"
import { openSync } from "node:fs"

interface Question {
  readonly id: number
  readonly verb: string
  readonly value: unknown
}

interface Answer {
  readonly id: number
  readonly value: unknown
}

/** What a process says without being asked. */
interface Notice {
  readonly notice: string
  readonly value: unknown
}

export class Remote {
  readonly process: ChildProcess
  private readonly waiting = new Map<number, (value: unknown) => void>()
  private readonly exited: Promise<void>
  private next = 0

  /** Starts a program; what it prints goes to a file. */
  constructor(
    program: URL,
    config: unknown,
    log: string,
    noticed: (notice: string, value: unknown) => void = () => {}
  ) {
    const output = openSync(log, "a")
    this.process = fork(program, [JSON.stringify(config)], {
      stdio: ["ignore", output, output, "ipc"],
      execArgv: ["--disable-warning=ExperimentalWarning"]
    })
    this.exited = new Promise((resolve) => this.process.once("exit", () => resolve()))
    this.process.on("message", (message: Answer | Notice) => {
      if ("notice" in message) return noticed(message.notice, message.value)
      this.waiting.get(message.id)?.(message.value)
      this.waiting.delete(message.id)
    })
    // One that was killed takes no more questions.
    this.process.on("error", () => {})
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null
  }

  /** `undefined` when the process ends without an answer. */
  ask<A>(verb: string, value?: unknown): Promise<A | undefined> {
    if (!this.isAlive) return Promise.resolve(undefined)
    const id = this.next++
    const answer = new Promise<A>((resolve) => this.waiting.set(id, resolve as (value: unknown) => void))
    this.process.send({ id, verb, value } satisfies Question, () => {})
    return Promise.race([answer, this.exited.then(() => undefined)])
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  async kill(): Promise<void> {
    if (this.isAlive) this.process.kill("SIGKILL")
    await this.exited
  }

  async ended(): Promise<void> {
    await this.exited
  }
}

/** The other side: answers questions, and ends with the process that asks. */
export const answering = (verbs: Readonly<Record<string, (value: never) => unknown>>): void => {
  process.on("message", ({ id, value, verb }: Question) => {
    void Promise.resolve(verbs[verb]?.(value as never)).then((answer) =>
      process.send?.({ id, value: answer } satisfies Answer)
    )
  })
  process.on("disconnect", () => process.exit())
}

/** Lets the process that asks know something. */
export const notice = (name: string, value: unknown): void => {
  if (process.connected) process.send?.({ notice: name, value } satisfies Notice)
}
