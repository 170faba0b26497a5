/** The stylesheet's colours, for what is drawn on a canvas. */
import { signal } from "@preact/signals"

const scheme = matchMedia("(prefers-color-scheme: dark)")

/** Changes when the browser turns from light to dark or back: what is drawn must be drawn again. */
export const isDark = signal(scheme.matches)

scheme.addEventListener("change", () => {
  known.clear()
  isDark.value = scheme.matches
})

const known = new Map<string, string>()

/** The value of a custom property such as `--ink`. */
export const colour = (property: string): string => {
  const found = known.get(property) ?? getComputedStyle(document.documentElement).getPropertyValue(property).trim()
  known.set(property, found)
  return found
}

/** Sizes a canvas for the screen's own pixels, and gives the pen for its CSS pixels. */
export const pen = (canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D => {
  const ratio = devicePixelRatio
  const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)]
  // Setting a size clears the canvas, so only where it changes.
  if (canvas.width !== wide) canvas.width = wide
  if (canvas.height !== high) canvas.height = high
  const context = canvas.getContext("2d")!
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  return context
}
