/** The last round-trip times as a small line. */
import { useEffect, useRef } from "preact/hooks"
import { colour, isDark, pen } from "../words/colours.ts"

const width = 56
const height = 16

const draw = (canvas: HTMLCanvasElement, values: ReadonlyArray<number>): void => {
  const context = pen(canvas, width, height)
  context.clearRect(0, 0, width, height)
  if (values.length < 2) return
  const top = Math.max(...values, 1)
  const step = (width - 3) / (values.length - 1)
  const y = (value: number) => height - 2 - (value / top) * (height - 4)
  context.strokeStyle = colour("--spark")
  context.lineWidth = 1.25
  context.lineJoin = "round"
  context.beginPath()
  for (const [index, value] of values.entries()) context.lineTo(1 + index * step, y(value))
  context.stroke()
  context.fillStyle = colour("--ink")
  context.beginPath()
  context.arc(width - 2, y(values.at(-1)!), 1.5, 0, 7)
  context.fill()
}

export const Sparkline = ({ values }: { readonly values: ReadonlyArray<number> }) => {
  const ref = useRef<HTMLCanvasElement>(null)
  const dark = isDark.value
  useEffect(() => draw(ref.current!, values), [values, dark])
  return <canvas ref={ref} class="spark" width={width} height={height} aria-hidden="true" />
}
