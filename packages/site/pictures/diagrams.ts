/**
 * The diagrams of the guide, each as SVG for light and for dark pages: the
 * gates of a session, the overlap of a rotation, and where messages wait.
 */

export interface Palette {
  readonly ink: string
  readonly line: string
  readonly fill: string
  readonly accent: string
  readonly good: string
}

export const palettes: Readonly<Record<"light" | "dark", Palette>> = {
  light: { ink: "#1f2328", line: "#59636e", fill: "#f6f8fa", accent: "#0969da", good: "#1a7f37" },
  dark: { ink: "#e6edf3", line: "#9198a1", fill: "#151b23", accent: "#4493f8", good: "#3fb950" }
}

type Diagram = (palette: Palette) => string

const text = (x: number, y: number, words: string, options = ""): string =>
  `<text x="${x}" y="${y}" text-anchor="middle" ${options}>${words}</text>`

const box = (x: number, y: number, width: number, height: number, options: string): string =>
  `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="8" ${options}/>`

const arrow = (path: string, options = ""): string => `<path d="${path}" class="arrow" ${options}/>`

const frame = (title: string, width: number, height: number, body: ReadonlyArray<string>): Diagram => {
  return ({ accent, fill, good, ink, line }) =>
    [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${title}">`,
      `<title>${title}</title>`,
      `<style>text{font:14px system-ui,-apple-system,'Segoe UI',sans-serif;fill:${ink}}.name{font-weight:600}.note{font-size:12px;fill:${line}}.code{font-family:ui-monospace,Menlo,Consolas,monospace;font-size:12px}`,
      `.box{fill:${fill};stroke:${line}}.good{fill:${fill};stroke:${good};stroke-width:2}.accent{fill:${fill};stroke:${accent};stroke-width:2}.soft{fill:${accent};opacity:.12}.arrow{fill:none;stroke:${line};stroke-width:1.5;marker-end:url(#a)}.dash{stroke-dasharray:4 4}.rule{stroke:${line}}</style>`,
      `<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="${line}"/></marker></defs>`,
      ...body,
      "</svg>",
      ""
    ].join("\n")
}

const gate = (index: number, name: string, kind: string): string =>
  box(20 + index * 180, 50, 120, 44, `class="${kind}"`) + text(80 + index * 180, 77, name, `class="name"`)

const gates = frame("The gates of a session: Dialing, Open, Ready, Stable", 720, 210, [
  gate(0, "Dialing", "box"),
  gate(1, "Open", "box"),
  gate(2, "Ready", "accent"),
  gate(3, "Stable", "good"),
  arrow("M140 72H198"),
  arrow("M320 72H378"),
  arrow("M500 72H558"),
  text(170, 40, "socket open", `class="note"`),
  text(350, 40, "onOpen has passed", `class="note"`),
  text(530, 40, "Ready for 10 s", `class="note"`),
  `<path d="M20 112H320" class="rule"/><path d="M380 112H680" class="rule"/>`,
  text(170, 132, "state: Connecting", `class="code"`),
  text(530, 132, "state: Connected", `class="code"`),
  arrow("M620 146V172H80V146", `style="stroke-linejoin:round"`),
  text(
    350,
    192,
    "the session ends: a Gap for your reader, a wait by the reconnect policy, the next dial",
    `class="note"`
  )
])

const rotation = frame("A rotation: the successor is Ready before the old session ends", 720, 250, [
  box(330, 24, 150, 172, `class="soft"`),
  text(405, 16, "overlap", `class="note"`),
  box(30, 40, 450, 40, `class="box"`),
  text(150, 65, "session 1", `class="name"`),
  text(405, 65, "last ping, pong", `class="note"`),
  box(210, 100, 480, 40, `class="accent"`),
  text(270, 125, "dial, onOpen", `class="note"`),
  `<path d="M330 100V140" class="rule dash"/>`,
  text(585, 125, "session 2", `class="name"`),
  text(330, 222, "session 2 is Ready:", `class="note"`),
  text(330, 238, "you write to it", `class="note"`),
  text(480, 222, "session 1 is closed:", `class="note"`),
  text(480, 238, "you read session 2", `class="note"`),
  arrow("M330 204V198"),
  arrow("M480 204V198"),
  text(62, 176, "stream", `class="code"`),
  arrow("M96 172H690"),
  ...[120, 170, 220, 270, 320, 370, 420, 460].map((x) => `<circle cx="${x}" cy="172" r="5" class="box"/>`),
  ...[500, 550, 600, 650].map((x) => `<circle cx="${x}" cy="172" r="5" class="accent"/>`)
])

const boxes = frame("Where messages wait: the inbox and the outbox", 720, 250, [
  box(20, 30, 130, 190, `class="box"`),
  text(85, 120, "your", `class="name"`),
  text(85, 140, "program", `class="name"`),
  box(240, 30, 220, 80, `class="accent"`),
  text(350, 56, "inbox", `class="name"`),
  text(350, 76, "64 KiB, then the socket pauses", `class="note"`),
  text(350, 94, "overflow: fail, drop, conflate", `class="note"`),
  box(240, 140, 220, 80, `class="good"`),
  text(350, 166, "outbox", `class="name"`),
  text(350, 186, "10,000 messages, 16 MiB, ttl 30 s", `class="note"`),
  text(350, 204, "survives the session", `class="note"`),
  box(560, 30, 140, 190, `class="box"`),
  text(630, 120, "session", `class="name"`),
  text(630, 140, "socket, heartbeat", `class="note"`),
  arrow("M560 70H462"),
  arrow("M240 70H152"),
  text(196, 60, "stream", `class="code"`),
  arrow("M150 180H238"),
  text(194, 170, "send, sink", `class="code"`),
  arrow("M460 180H558"),
  text(510, 170, "writeMark", `class="code"`),
  text(510, 60, "frames", `class="code"`)
])

export const diagrams: Readonly<Record<string, Diagram>> = { boxes, gates, rotation }
