/**
 * A collector on loopback: takes what exporters post, decodes it with the
 * official protobufs, and first refuses as often as it is told to.
 */
import root from "@opentelemetry/otlp-transformer/build/src/generated/root.js"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { createServer, type IncomingMessage } from "node:http"
import { gunzipSync } from "node:zlib"

type Json = Readonly<Record<string, unknown>>

interface Message {
  readonly decode: (bytes: Uint8Array) => unknown
  readonly fromObject: (json: Json) => unknown
  readonly toObject: (message: unknown, options: Json) => Json
}

interface Collectors {
  readonly trace: { readonly v1: { readonly ExportTraceServiceRequest: Message } }
  readonly metrics: { readonly v1: { readonly ExportMetricsServiceRequest: Message } }
  readonly logs: { readonly v1: { readonly ExportLogsServiceRequest: Message } }
}

const { collector } = (root as unknown as { opentelemetry: { proto: { collector: Collectors } } }).opentelemetry.proto

const messages: Readonly<Record<string, Message>> = {
  "/v1/traces": collector.trace.v1.ExportTraceServiceRequest,
  "/v1/metrics": collector.metrics.v1.ExportMetricsServiceRequest,
  "/v1/logs": collector.logs.v1.ExportLogsServiceRequest
}

export interface Request {
  readonly path: string
  readonly type: string
  readonly encoding: string
  readonly status: number
  readonly body: Buffer
}

export interface Collector {
  readonly baseUrl: string
  readonly requests: ReadonlyArray<Request>
  /** What was taken on a path, decoded. */
  readonly taken: (path: string) => ReadonlyArray<Json>
}

const bodyOf = async (request: IncomingMessage): Promise<Buffer> => {
  const pieces: Array<Buffer> = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const body = Buffer.concat(pieces)
  return request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body
}

const plain = { longs: Number, enums: String, defaults: false, arrays: true }

/** The keys of JSON that the schema does not have. */
const strangers = (json: unknown, known: unknown, at: string): ReadonlyArray<string> => {
  if (typeof json !== "object" || json === null) return []
  return Object.entries(json).flatMap(([key, value]) => {
    if (value === null) return []
    const found: unknown = typeof known === "object" && known !== null ? (known as Json)[key] : undefined
    return found === undefined ? [`${at}.${key}`] : strangers(value, found, `${at}.${key}`)
  })
}

/** As the official schema reads it; throws if it is not of that schema. */
const decoded = ({ body, path, type }: Request): Json => {
  const message = messages[path]!
  if (type === "application/x-protobuf") return message.toObject(message.decode(body), plain)
  const json = JSON.parse(body.toString()) as Json
  const found = message.toObject(message.fromObject(json), plain)
  const unknown = strangers(json, found, path)
  if (unknown.length > 0) throw new Error(`the schema has no ${unknown.join(", ")}`)
  return found
}

/** Answers each path's first requests with these statuses, and 200 from then on. */
export const collect = (refusals: ReadonlyArray<number> = []): Effect.Effect<Collector, never, Scope.Scope> =>
  Effect.gen(function* () {
    const requests: Array<Request> = []
    const server = createServer((request, response) => {
      void bodyOf(request).then((body) => {
        const path = request.url ?? ""
        const status = refusals[requests.filter((one) => one.path === path).length] ?? 200
        const { "content-encoding": encoding = "", "content-type": type = "" } = request.headers
        requests.push({ path, type, encoding, status, body })
        response.writeHead(status, status === 429 ? { "retry-after": "0" } : {}).end()
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.sync(() => {
          server.closeAllConnections()
          server.close()
        })
    )
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    return {
      baseUrl: `http://127.0.0.1:${port}`,
      requests,
      taken: (path) => requests.filter((one) => one.path === path && one.status === 200).map(decoded)
    }
  })
