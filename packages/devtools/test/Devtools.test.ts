// Proves, on a real loopback port, that the dashboard is served to nobody but the holder of its token, in a page of
// its own origin, under a loopback name; and that it goes away with the program, viewers or not.
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Connection from "kharbranth/Connection"
import { InvalidOptions } from "kharbranth/ConnectionError"
import * as TestNetwork from "kharbranth/testing/TestNetwork"
import type * as Crypto from "node:crypto"
import { createRequire, syncBuiltinESMExports } from "node:module"
import { pathToFileURL } from "node:url"
import * as Devtools from "../src/Devtools.ts"
import { DevtoolsError } from "../src/DevtoolsError.ts"
import * as Http from "../src/internal/server/http.ts"
import * as Page from "../src/internal/server/page.ts"
import { otherVersion } from "../src/internal/wire/wire.ts"
import { rig } from "./support/rig.ts"
import { closed, cookieFor, get, look, page, serve, token, until } from "./support/server.ts"

const dashboard = Effect.gen(function* () {
  const { board, fleet, provide } = yield* rig()
  const port = yield* serve(board)
  return { board, fleet, provide, port, origin: `http://127.0.0.1:${port}` }
})

describe("the page", () => {
  it.live("is served to who has the token, and remembers it in a cookie that no script reads", () =>
    Effect.gen(function* () {
      const { port } = yield* dashboard
      const welcome = yield* get(port, `/?token=${token}`)
      assert.deepStrictEqual([welcome.status, welcome.headers["location"]], [303, "/"])
      const [cookie = ""] = welcome.headers["set-cookie"] ?? []
      assert.match(cookie, new RegExp(`^kharbranth-devtools-${port}=${token}; `))
      for (const part of [/HttpOnly/, /SameSite=Strict/, /Path=\/(;|$)/]) assert.match(cookie, part)
      for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, "localhost:9999", "LOCALHOST"]) {
        const answer = yield* get(port, "/", { cookie: cookie.split(";", 1)[0] ?? "", host })
        assert.deepStrictEqual([answer.status, answer.body], [200, "<!doctype html><title>the page</title>"], host)
      }
    })
  )

  it.live("has every protection in its headers, refusals too", () =>
    Effect.gen(function* () {
      const { port } = yield* dashboard
      const cookie = yield* cookieFor(port)
      for (const answer of [yield* get(port, "/main-1234.js", { cookie }), yield* get(port, "/")]) {
        const policy = String(answer.headers["content-security-policy"])
        for (const part of [
          "default-src 'none'",
          "script-src 'self'",
          "style-src 'self'",
          "connect-src 'self'",
          "img-src 'self' data:",
          "frame-ancestors 'none'"
        ]) {
          assert.include(policy.split("; "), part)
        }
        assert.strictEqual(answer.headers["x-content-type-options"], "nosniff")
        assert.strictEqual(answer.headers["referrer-policy"], "no-referrer")
        assert.strictEqual(answer.headers["cache-control"], "no-store")
        assert.isUndefined(answer.headers["access-control-allow-origin"])
      }
    })
  )

  it.live("is not served without the token, under a foreign name, to a foreign page, or by another method", () =>
    Effect.gen(function* () {
      const { port } = yield* dashboard
      const cookie = yield* cookieFor(port)
      const name = cookie.split("=", 1)[0] ?? ""
      const host = `127.0.0.1:${port}`
      const refused: ReadonlyArray<readonly [number, string, Record<string, string>, string?]> = [
        [401, "/", {}],
        [401, "/main-1234.js", {}],
        [401, "/live", {}],
        [401, "/", { cookie: `${name}=wrong` }],
        [401, "/", { cookie: `${name}=${token}x` }],
        [401, "/", { cookie: `other=${token}` }],
        [401, "/", { cookie: `${name}=` }],
        [401, "/?token=wrong", {}],
        [401, "/?token=", {}],
        [401, `/main-1234.js?token=${token}`, {}],
        [421, "/", { cookie, host: "evil.example" }],
        [421, "/", { cookie, host: `evil.example:${port}` }],
        [421, "/", { cookie, host: "127.0.0.1.evil.example" }],
        [421, "/", { cookie, host: "localhost.evil.example" }],
        [421, "/", { cookie, host: "10.0.0.1" }],
        [421, `/?token=${token}`, { host: "evil.example" }],
        [403, "/", { cookie, host, origin: "https://evil.example" }],
        [403, "/", { cookie, host, origin: "null" }],
        [403, "/", { cookie, host, origin: `https://${host}` }],
        [403, "/", { cookie, host, origin: "http://127.0.0.1:1" }],
        [403, `/?token=${token}`, { host, origin: "https://evil.example" }],
        [405, "/", { cookie }, "POST"],
        [405, `/?token=${token}`, {}, "POST"],
        [421, "http://evil.example/", { cookie }],
        [404, "/../package.json", { cookie }],
        [404, "/..%2fpackage.json", { cookie }],
        [404, "/__proto__", { cookie }],
        [426, "/live", { cookie }]
      ]
      for (const [status, path, headers, method] of refused) {
        const answer = yield* get(port, path, headers, method)
        const what = `${method ?? "GET"} ${path} ${JSON.stringify(headers)}`
        assert.strictEqual(answer.status, status, what)
        assert.isUndefined(answer.headers["set-cookie"], what)
        assert.notMatch(answer.body, /the page/, what)
        assert.notInclude(answer.body, token, what)
      }
    })
  )

  it.live("compares the token in constant time, whatever is offered", () =>
    Effect.gen(function* () {
      const crypto = createRequire(import.meta.url)("node:crypto") as typeof Crypto
      const real = crypto.timingSafeEqual
      const compared: Array<number> = []
      crypto.timingSafeEqual = (a, b) => {
        compared.push(a.byteLength, b.byteLength)
        return real(a, b)
      }
      syncBuiltinESMExports()
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          crypto.timingSafeEqual = real
          syncBuiltinESMExports()
        })
      )
      const { port } = yield* dashboard
      const cookie = `kharbranth-devtools-${port}`
      for (const guess of ["x", token.slice(0, -1), token, "y".repeat(1_000)]) {
        compared.length = 0
        yield* get(port, "/", { cookie: `${cookie}=${guess}` })
        assert.deepStrictEqual(compared, [32, 32], guess)
        compared.length = 0
        yield* get(port, `/?token=${guess}`)
        assert.deepStrictEqual(compared, [32, 32], guess)
      }
    })
  )
})

describe("the socket", () => {
  it.live("opens with the cookie and our own origin, and says hello", () =>
    Effect.gen(function* () {
      const { fleet, origin, port } = yield* dashboard
      const looked = yield* look(port, { cookie: yield* cookieFor(port), origin })
      assert.strictEqual(looked._tag, "Open")
      if (looked._tag !== "Open") return
      yield* until(() => looked.frames.length >= 4)
      assert.deepStrictEqual(
        looked.frames.slice(0, 4).map(({ t }) => t),
        ["hello", "totals", "fleet", "rows"]
      )
      assert.isDefined(fleet.sampling)
      looked.socket.close()
      yield* until(() => fleet.sampling === undefined)
    })
  )

  it.live("is refused without the cookie, to a foreign page, and under a foreign name", () =>
    Effect.gen(function* () {
      const { fleet, origin, port } = yield* dashboard
      const cookie = yield* cookieFor(port)
      const attempts = [
        [401, { origin }],
        [401, { origin, cookie: `kharbranth-devtools-${port}=wrong` }],
        [403, { cookie }],
        [403, { cookie, origin: "https://evil.example" }],
        [403, { cookie, origin: "null" }],
        [403, { cookie, origin: `${origin}0` }],
        [421, { cookie, origin: "http://evil.example", host: "evil.example" }]
      ] as const
      for (const [status, options] of attempts) {
        assert.deepStrictEqual(yield* look(port, options), { _tag: "Refused", status }, JSON.stringify(options))
      }
      assert.isUndefined(fleet.sampling)
    })
  )

  it.live("tells a page of another version so, and closes on what it does not take", () =>
    Effect.gen(function* () {
      const { fleet, origin, port } = yield* dashboard
      const cookie = yield* cookieFor(port)
      const old = yield* look(port, { cookie, origin, protocol: "kharbranth.devtools.0" })
      if (old._tag !== "Open") return assert.fail("it did not open")
      const end = yield* closed(old.socket)
      assert.deepStrictEqual([end.code, end.reason], [otherVersion, "this program speaks kharbranth.devtools.2"])
      assert.strictEqual(old.frames.length, 0)
      for (const [frame, code] of [
        ["nonsense", 1008],
        [Buffer.from("{}"), 1003],
        [`"${"x".repeat(100_000)}"`, 1009]
      ] as const) {
        const looked = yield* look(port, { cookie, origin })
        if (looked._tag !== "Open") return assert.fail("it did not open")
        looked.socket.send(frame)
        assert.strictEqual((yield* closed(looked.socket)).code, code)
      }
      yield* until(() => fleet.sampling === undefined)
    })
  )

  it.live("that reads nothing makes nothing pile up", () =>
    Effect.gen(function* () {
      const { board, port, origin, provide } = yield* dashboard
      const network = yield* TestNetwork.make()
      yield* network.serve("wss://feed.example/", TestNetwork.echo)
      yield* Effect.gen(function* () {
        // Rows and recordings of some size, so that the socket's own buffers are full soon.
        const tags = [`a tag ${"x".repeat(2_000)}`]
        const connections = yield* Effect.forEach(Array.from({ length: 200 }), (_, n) =>
          Connection.make(`feed ${n}`, { target: "wss://feed.example/", tags })
        )
        const looked = yield* look(port, { cookie: yield* cookieFor(port), origin })
        if (looked._tag !== "Open") return assert.fail("it did not open")
        looked.socket.send(JSON.stringify({ t: "view", view: everything }))
        yield* until(() => looked.frames.some((frame) => frame.t === "changes" && frame.rows.length === 200))
        looked.socket.pause()
        let most = 0
        for (let n = 0; n < 25; n++) {
          // It asks for everything again and again, and reads none of it.
          looked.socket.send(JSON.stringify({ t: "again" }))
          yield* Effect.forEach(connections.slice(0, 20), (connection) => connection.restart(), { discard: true })
          board.beatOnce(0)
          most = Math.max(most, board.waiting)
        }
        assert.isAbove(most, 256 * 1024)
        assert.isBelow(most, 2 * 1024 * 1024)
      }).pipe(Effect.scoped, provide, network.provide)
    })
  )
})

const everything = { sort: "name", descending: false, text: "", states: [], from: 0, to: 200 }

describe("the layer", () => {
  it.live("ends with the program while somebody looks, within a second", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { origin, port } = yield* Scope.provide(dashboard, scope)
      const looked = yield* look(port, { cookie: yield* cookieFor(port), origin })
      if (looked._tag !== "Open") return assert.fail("it did not open")
      const began = performance.now()
      const [end] = yield* Effect.all([closed(looked.socket), Scope.close(scope, Exit.void)], {
        concurrency: "unbounded"
      })
      assert.strictEqual(end.code, 1001)
      assert.isBelow(performance.now() - began, 1_000)
    })
  )

  it.live("ends although a viewer is frozen", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { origin, port } = yield* Scope.provide(dashboard, scope)
      const looked = yield* look(port, { cookie: yield* cookieFor(port), origin })
      if (looked._tag !== "Open") return assert.fail("it did not open")
      looked.socket.pause()
      const began = performance.now()
      yield* Scope.close(scope, Exit.void)
      assert.isBelow(performance.now() - began, 3_000)
    })
  )

  it.live("refuses options that cannot work", () =>
    Effect.gen(function* () {
      const wrong: ReadonlyArray<readonly [Devtools.Options, string]> = [
        [{ port: -1 }, "port"],
        [{ port: 65_536 }, "port"],
        [{ port: 1.5 }, "port"],
        [{ token: Redacted.make("short") }, "token"],
        [{ token: Redacted.make("with a space in its middle") }, "token"]
      ]
      for (const [options, path] of wrong) {
        const error = yield* Effect.flip(Effect.provide(Effect.void, Devtools.layer(options)))
        assert.instanceOf(error, InvalidOptions)
        if (error instanceof InvalidOptions) assert.deepStrictEqual(error.path, [path])
        assert.notMatch(error.message, /short|with a space/)
      }
    })
  )

  it.live("says that its port is taken", () =>
    Effect.gen(function* () {
      const { board, port } = yield* dashboard
      const again = yield* Effect.flip(
        Effect.scoped(Effect.flatMap(Effect.succeed(board), (board) => serveAt(port, board)))
      )
      assert.instanceOf(again, DevtoolsError)
      assert.match(again.message, new RegExp(`port ${port} is taken`))
    })
  )

  it.live("says how to build a page that is missing", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Page.read(pathToFileURL("/nowhere/at/all/")))
      assert.match(error.message, /node packages\/devtools\/page\/build\.ts/)
    })
  )
})

const serveAt = (port: number, board: Parameters<typeof serve>[0]) => Http.serve({ port, token, page, board })
