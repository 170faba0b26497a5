/** The right name that a wrong one was probably meant to be. */

/** How many letters must be added, removed, replaced or swapped with the next one to make one word of the other. */
const distance = (a: string, b: string): number => {
  let before: ReadonlyArray<number> = []
  let above: ReadonlyArray<number> = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    before = above
    above = row
  }
  return above[b.length]!
}

/** Longer words are no typing mistakes, and comparing them takes time. */
const longest = 40

/** The nearest of the right names; `undefined` where none is near. */
export const nearest = (wrong: string, right: ReadonlyArray<string>): string | undefined => {
  if (wrong.length > longest) return undefined
  let found: string | undefined
  let least = 1 + Math.ceil(wrong.length / 3)
  for (const name of right) {
    const away = distance(wrong.toLowerCase(), name.toLowerCase())
    if (away >= least) continue
    found = name
    least = away
  }
  return found
}
