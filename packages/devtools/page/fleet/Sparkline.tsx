/**
 * The last round-trip times as a small line. It is a path and no canvas: a browser
 * gives each canvas a layer, and arranging the layers of all rows in sight took
 * longer than everything else that a frame of scrolling does.
 */

const width = 56
const height = 16

const pathOf = (values: ReadonlyArray<number>): string => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  // A steady line runs through the middle.
  const top = Math.max(...values, mean * 2, 1)
  const step = (width - 3) / (values.length - 1)
  const point = (value: number, index: number) =>
    `${(1 + index * step).toFixed(1)} ${(height - 2 - (value / top) * (height - 4)).toFixed(1)}`
  return `M${values.map(point).join("L")}`
}

export const Sparkline = ({ values }: { readonly values: ReadonlyArray<number> }) => (
  <svg class="spark" viewBox={`0 0 ${width} ${height}`} aria-hidden="true">
    {values.length < 2 ? null : <path d={pathOf(values)} />}
  </svg>
)
