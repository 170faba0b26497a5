/**
 * The `Transport` for Node: request headers, TLS with your own certificates,
 * proxies, compression, ping frames, and real backpressure in both directions.
 *
 * **Details**
 *
 * - The transport makes the upgrade by `node:http`, and reads and writes the
 *   frames itself. Where you ask for `compression`, `ws` makes the upgrade, and
 *   does the rest if the server agrees.
 * - You may keep messages: a text that you keep keeps at most 4 KiB beside it
 *   alive, a lazy one at most 64 KiB. Under `compression` a binary message that came uncompressed may be a
 *   view of up to 64 KiB: copy it (`bytes.slice()`) if you store it.
 * - The first write of a turn of the event loop leaves at once, the others of that turn together.
 * - Pings are answered by the transport.
 * - A paused socket sees neither frames nor the server's close until it is
 *   resumed or closed.
 * - Over TLS, `received()` counts decrypted bytes, so it moves once per record
 *   (at most 16 KiB).
 * - Certificates are always verified. There is no option against it, and
 *   `NODE_TLS_REJECT_UNAUTHORIZED` has no effect here; trust a private
 *   authority with `tls.ca`.
 *
 * @since 0.1.0
 */
import * as ConnectionError from "kharbranth/ConnectionError"
import * as Heartbeat from "kharbranth/Heartbeat"
import type { Capabilities, Dial, Open } from "kharbranth/Transport"
import { backpressure, fromCallback, httpHeaders, Transport } from "kharbranth/Transport"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Redacted } from "effect/Redacted"
import { Attempt } from "./internal/dial/attempt.ts"
import { invalid } from "./internal/dial/errors.ts"
import { codeOf } from "./internal/link/errors.ts"
import * as UpgradeRequest from "./internal/dial/upgradeRequest.ts"

/**
 * What `wss:` dials trust and present. PEM, as text or bytes.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsOptions {
  /** Authorities to trust instead of Node's own list. Default: Node's list. */
  readonly ca?: string | Uint8Array | ReadonlyArray<string | Uint8Array> | undefined
  /** A client certificate. Default: none. */
  readonly cert?: string | Uint8Array | undefined
  /** The client certificate's private key. Default: none. */
  readonly key?: string | Uint8Array | Redacted<string> | Redacted<Uint8Array> | undefined
  /** Opens an encrypted `key`. Default: none. */
  readonly passphrase?: string | Redacted<string> | undefined
  /** The name to ask for and to verify. Default: the url's host. */
  readonly servername?: string | undefined
}

/**
 * How messages are compressed (permessage-deflate), when the server agrees.
 *
 * @category models
 * @since 0.1.0
 */
export interface Compression {
  /** zlib's level, 0 to 9. Default: zlib's own (6). */
  readonly level?: number | undefined
  /** zlib's memory level, 1 to 9. Default: zlib's own (8). */
  readonly memLevel?: number | undefined
  /** Keeps the dictionary between messages: smaller messages for more memory. Default: `true`. */
  readonly contextTakeover?: boolean | undefined
  /** Without `contextTakeover`, messages under this many bytes stay uncompressed. Default: 1024. */
  readonly threshold?: number | undefined
}

/**
 * How sockets are opened: certificates, local address, proxy and compression.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** TLS material for `wss:` dials. Default: Node's authorities, no client certificate. */
  readonly tls?: TlsOptions | undefined
  /** The IP address of this machine to dial from. Default: the system chooses. */
  readonly localAddress?: string | undefined
  /**
   * The `http:` or `https:` proxy to tunnel through, with credentials in the
   * url if it wants any. `false` dials directly. Default: what `HTTPS_PROXY`
   * (for `wss:`), `HTTP_PROXY` (for `ws:`), `ALL_PROXY` and `NO_PROXY` say.
   */
  readonly proxy?: string | URL | Redacted<string> | false | undefined
  /**
   * Offers compression to the server, for connections that do not say otherwise by their own option
   * `compression`; one that turns it on gets the settings given here. It costs memory and time on both sides,
   * and a compressed message may betray secrets that share it with chosen text.
   * Default: `false`.
   */
  readonly compression?: boolean | Compression | undefined
}

const capabilities: Capabilities = {
  ping: Heartbeat.ping(),
  pause: backpressure,
  headers: httpHeaders,
  bytes: true,
  compression: true
}

// whatever Node still objects to is in the request, not in the network
const unbuildable = (dial: Dial, error: unknown) =>
  invalid(dial, ["target"], `no request can be made of it (${codeOf(error) ?? "refused by Node"}).`)

const given = (resume: Parameters<Open>[2], error: ConnectionError.DialError): (() => void) => {
  resume(Effect.fail(error))
  return nothing
}

const nothing = (): void => {}

/**
 * Makes the transport. Use it where a `Transport` is built by hand; programs
 * usually provide `layer`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Transport["Service"] => {
  const requestFor = UpgradeRequest.make(options)
  return Transport.of({
    name: "ws",
    capabilities,
    egress: UpgradeRequest.egressOf(options),
    dial: fromCallback((dial, receiver, resume) => {
      const request = requestFor(dial)
      if (request instanceof ConnectionError.InvalidOptions) return given(resume, request)
      try {
        return new Attempt(request, receiver, resume).start()
      } catch (error) {
        return given(resume, unbuildable(dial, error))
      }
    })
  })
}

/**
 * Provides the transport with the given options.
 *
 * @example
 * ```ts
 * import * as NodeTransport from "@kharbranth/node/NodeTransport"
 * import { Transport } from "kharbranth/Transport"
 * import * as Effect from "effect/Effect"
 * import { strictEqual } from "node:assert"
 *
 * const program = Effect.gen(function*() {
 *   const transport = yield* Transport
 *   return transport.name
 * })
 *
 * const layer = NodeTransport.layerWith({ compression: true })
 * strictEqual(Effect.runSync(Effect.provide(program, layer)), "ws")
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: Options): Layer.Layer<Transport> => Layer.sync(Transport, () => make(options))

/**
 * Provides the transport with every default: proxies from the environment,
 * Node's certificate authorities, no compression.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<Transport> = layerWith({})
