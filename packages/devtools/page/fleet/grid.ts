/** How the cells of the strip are laid out. */

export interface Grid {
  /** From one cell to the next, in pixels. */
  readonly pitch: number
  readonly columns: number
  readonly rows: number
}

/** The strip stays within this height, as long as cells can be seen at all. */
const tallest = 72
const pitches = [14, 12, 10, 8, 7, 6, 5, 4, 3]
const smallest = 2

/** The largest cells with which so many fit. */
export const gridOf = (cells: number, width: number): Grid => {
  const fits = pitches.find((pitch) => Math.ceil(cells / Math.max(1, Math.floor(width / pitch))) * pitch <= tallest)
  const pitch = fits ?? smallest
  const columns = Math.max(1, Math.floor(width / pitch))
  return { pitch, columns, rows: Math.ceil(cells / columns) }
}
