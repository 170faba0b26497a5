/**
 * Recorded sessions, which are read from a folder outside the repository, and the
 * books that an independent oracle says they end with. `KHARBRANTH_CAPTURES` names
 * the folder.
 */
import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { gunzipSync } from "node:zlib"
import type * as Book from "../../src/Book.ts"
import type * as Recording from "../../src/Recording.ts"

const root = resolve(import.meta.dirname, "../../../..")
export const folder: string = resolve(root, process.env["KHARBRANTH_CAPTURES"] ?? "../shared/captures")
export const present: boolean = existsSync(resolve(folder, "EXPECTED.json"))

/** Reads a file of JSON from the folder. */
export const json = (name: string): unknown => JSON.parse(readFileSync(resolve(folder, name), "utf8"))

export interface Line {
  /** A `shape` is a frame without its session. */
  readonly t: Recording.Line["t"] | "shape"
  readonly ts: number
  readonly conn: string
  readonly url: string | undefined
  readonly data: string
  /** Where it stood in the recording. */
  readonly index: number
}

/** The lines of a recorded session in the order of their times. */
export const read = (file: string): ReadonlyArray<Line> => {
  const bytes = readFileSync(resolve(folder, file))
  const text = (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8")
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line & { readonly addr?: string })
    .toSorted((a, b) => a.ts - b.ts)
    .map(({ addr, conn, data, t, ts, url }, index) => ({
      t,
      ts,
      conn,
      url: url ?? addr,
      data: typeof data === "string" ? data : JSON.stringify(data ?? ""),
      index
    }))
}

/** The symbol in the address of a request over HTTP. */
export const symbolIn = (url: string | undefined): string | undefined =>
  /[?&](?:symbol|currency_pair|contract)=([^&]+)/.exec(url ?? "")?.[1]

/** Both sides of a book, best levels first, each as price and size. */
export interface Sides {
  readonly bids: ReadonlyArray<readonly [string, string]>
  readonly asks: ReadonlyArray<readonly [string, string]>
}

/** The book of a symbol in the end, with how many levels a side has and how many checksums were right, where known. */
export interface Wanted extends Sides {
  readonly symbol: string
  readonly levels?: readonly [number, number] | undefined
  readonly checksums: number | undefined
}

type Final = Sides & Pick<Wanted, "levels">

interface Oracle {
  readonly final?: Final | undefined
  readonly checksumOk?: number | undefined
  readonly books?: Readonly<Record<string, Final>> | undefined
}

export type Oracles = Readonly<Record<string, Oracle>> & Oracle

/** What a file's books have to be in the end. */
export const wantedOf = (file: string, oracles: Oracles): ReadonlyArray<Wanted> => {
  const { books, checksumOk, final } = oracles
  if (books !== undefined) {
    return Object.entries(books).map(([symbol, { asks, bids, levels }]) => ({
      symbol,
      bids,
      asks,
      levels,
      checksums: undefined
    }))
  }
  const bySymbol = file.startsWith("kraken-v2/") ? { "BTC/USD": { final, checksumOk } } : oracles
  return Object.entries(bySymbol as Readonly<Record<string, Oracle>>).flatMap(([symbol, { checksumOk, final }]) =>
    final === undefined ? [] : [{ symbol, ...final, checksums: checksumOk }]
  )
}

/** The ten best levels that are wanted. Bitfinex writes the sizes of asks negative; a book does not. */
export const topOf = ({ asks, bids }: Sides): Sides => ({
  bids: bids.slice(0, 10),
  asks: asks.slice(0, 10).map(([price, size]) => [price, size.replace("-", "")])
})

/** The levels of a book in the same form. */
export const sidesOf = ({ asks, bids }: Book.Levels): Sides => {
  const pairs = (levels: ReadonlyArray<Book.Level>) =>
    levels.map(({ priceText, sizeText }) => [priceText, sizeText] as const)
  return { bids: pairs(bids), asks: pairs(asks) }
}
