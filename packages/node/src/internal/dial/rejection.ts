/**
 * A refused upgrade: reads as much of the HTTP answer as a diagnosis needs, and
 * no more, whatever the server keeps sending.
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import type { Dial } from "kharbranth/Transport"
import * as Duration from "effect/Duration"
import * as Redacted from "effect/Redacted"
import type * as Http from "node:http"
import * as Advice from "./advice.ts"

const maxBodyBytes = 4_096
const maxBodyMillis = 250

export interface Rejection {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const flatten = (headers: Http.IncomingHttpHeaders): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]]
    )
  )

/**
 * Collects the start of the answer and hands it over once: when the body ends,
 * has shown enough, or takes too long.
 */
export const read = (response: Http.IncomingMessage, done: (rejection: Rejection) => void): void => {
  const chunks: Array<Buffer> = []
  let size = 0
  let finished = false
  const finish = () => {
    if (finished) return
    finished = true
    clearTimeout(timer)
    response.off("data", onData)
    response.destroy()
    done({
      status: response.statusCode ?? 0,
      headers: flatten(response.headers),
      body: Buffer.concat(chunks).toString("utf8", 0, maxBodyBytes)
    })
  }
  const onData = (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, maxBodyBytes - size))
    size += chunk.length
    if (size >= maxBodyBytes) finish()
  }
  // real sockets live in real time, whatever clock the program has
  // oxlint-disable-next-line effecttsgo/global-timers
  const timer = setTimeout(finish, maxBodyMillis)
  response.on("data", onData)
  response.once("end", finish)
  response.once("close", finish)
  response.on("error", finish)
}

const httpDate = /^[A-Za-z]{3,9},? /

/**
 * A `Retry-After` value, in seconds or as an HTTP date; `undefined` when it is
 * neither. A date in the past means now.
 */
export const retryAfter = (value: string | undefined, now: number): Duration.Duration | undefined => {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,10}$/.test(text)) return Duration.seconds(Number(text))
  if (!httpDate.test(text)) return undefined
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Duration.millis(Math.max(0, at - now))
}

export const toError = (dial: Dial, rejection: Rejection, now: number): ConnectionError.HandshakeRejected =>
  new ConnectionError.HandshakeRejected({
    connection: dial.connection,
    endpoint: ConnectionError.endpointOf(dial.url),
    status: rejection.status,
    retryAfter: retryAfter(rejection.headers["retry-after"], now),
    response: Redacted.make({ headers: rejection.headers, body: rejection.body }),
    advice: Advice.ofRejection(dial.url, rejection.status, rejection.body)
  })
