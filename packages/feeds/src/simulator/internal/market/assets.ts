/** The list of assets that markets take by default. */
import type { Asset } from "../../Market.ts"

const named: ReadonlyArray<Asset> = [
  { base: "BTC", price: 64_500, priceDigits: 1, sizeDigits: 5 },
  { base: "ETH", price: 3_400, priceDigits: 2, sizeDigits: 4 },
  { base: "SOL", price: 148, priceDigits: 3, sizeDigits: 3 },
  { base: "XRP", price: 0.52, priceDigits: 5, sizeDigits: 2 },
  { base: "DOGE", price: 0.121, priceDigits: 6, sizeDigits: 1 },
  { base: "SHIB", price: 0.000_008_12, priceDigits: 8, sizeDigits: 0 },
  { base: "LUNC", price: 0.000_000_07, priceDigits: 8, sizeDigits: 0 }
]

const letters = (index: number): string =>
  String.fromCharCode(65 + (Math.floor(index / 676) % 26), 65 + (Math.floor(index / 26) % 26), 65 + (index % 26))

/** Made-up assets cost between 1 and 10 and have four digits. */
const invented = (index: number): Asset => ({
  base: `X${letters(index)}`,
  price: 1 + ((index * 37) % 90) / 10,
  priceDigits: 4,
  sizeDigits: 2
})

export const listed = (count: number): ReadonlyArray<Asset> =>
  Array.from({ length: count }, (_, index) => named[index] ?? invented(index))
