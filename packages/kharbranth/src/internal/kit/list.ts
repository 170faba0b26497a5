/**
 * Lists that usually hold one thing, for what ten thousand connections have each. A
 * push to an empty array makes room for seventeen, and so does the spread of one; a
 * literal and `concat` make room for what they hold.
 */

/** The list with one more at its end: another array if it was empty, which many may share. */
export const appended = <A>(list: Array<A>, item: A): Array<A> => {
  if (list.length === 0) return [item]
  list.push(item)
  return list
}
