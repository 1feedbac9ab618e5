import type { ReceivedSpan } from '../../test/support/decode-otlp.ts'

/** A pellet's spans and those of its strip, each by the time of its beginning. */
export interface ChosenTrace {
  readonly pellet: readonly ReceivedSpan[]
  readonly strip: readonly ReceivedSpan[]
}

const ordered = (spans: readonly ReceivedSpan[]) =>
  spans.toSorted((a, b) => Number(a.startNs - b.startNs) || Number(b.endNs - a.endNs))

/** An NG pellet with all six stages, of those the one whose way took the middle time; undefined where there is none. */
export function chooseTrace(spans: readonly ReceivedSpan[]): ChosenTrace | undefined {
  const traces = Map.groupBy(spans, ({ traceId }) => traceId)
  const whole = [...traces.values()]
    .filter((trace) => trace.length === 6 && trace.some((span) => span.attributes['pelletline.trace.reason'] === 'ng'))
    .map(ordered)
    .toSorted((a, b) => lengthOf(a) - lengthOf(b))
  const pellet = whole[Math.floor(whole.length / 2)]
  const stripTrace = pellet?.[0]?.links[0]?.traceId
  const strip = stripTrace === undefined ? undefined : traces.get(stripTrace)
  return pellet === undefined || strip === undefined ? undefined : { pellet, strip: ordered(strip) }
}

function lengthOf(spans: readonly ReceivedSpan[]): number {
  return Number((spans.at(-1)?.endNs ?? 0n) - (spans[0]?.startNs ?? 0n))
}

// Okabe and Ito's colours, told apart by everybody.
const colours: Readonly<Record<string, string>> = {
  'camera-gateway': '#0072b2',
  'roi-segmentation': '#56b4e9',
  'student-inference': '#009e73',
  'teacher-audit': '#cc79a7',
  analytics: '#e69f00',
}

const width = 1060
const labelWidth = 300
const timeWidth = 90
const rowHeight = 22
const plotWidth = width - labelWidth - timeWidth - 30

const escapeText = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const at = (value: number) => value.toFixed(1)

/** Draws both on one scale of time: the pellet's six stages, then the spans of its strip, a bar each, in their service's colour. */
export function drawTrace({ pellet, strip }: ChosenTrace): string {
  const all = [...pellet, ...strip]
  const startNs = ordered(all)[0]?.startNs ?? 0n
  const spanMs = Math.max(...all.map(({ endNs }) => Number(endNs - startNs))) / 1e6
  const xOf = (ns: bigint) => labelWidth + (Number(ns - startNs) / 1e6 / spanMs) * plotWidth
  const parts: string[] = []
  const text = (x: number, y: number, words: string, more = '') =>
    parts.push(`<text x="${at(x)}" y="${at(y)}" ${more}>${escapeText(words)}</text>`)
  let y = 34

  const drawGroup = (title: string, spans: readonly ReceivedSpan[]) => {
    text(14, y, title, 'font-weight="bold"')
    y += rowHeight
    for (const span of spans) {
      const service = String(span.resource['service.name'])
      const from = xOf(span.startNs)
      const length = Math.max(1.5, xOf(span.endNs) - from)
      text(26, y, `${span.name.replace('pelletline.', '')}`)
      parts.push(
        `<rect x="${at(from)}" y="${at(y - 12)}" width="${at(length)}" height="14" rx="2" fill="${colours[service] ?? '#999999'}"/>`,
      )
      text(width - 16, y, formatMs(Number(span.endNs - span.startNs) / 1e6), 'text-anchor="end" fill="#555555"')
      y += rowHeight
    }
    y += 12
  }

  const [capture] = pellet
  const part = (name: string) => capture?.attributes[`pelletline.${name}`]
  const name = [part('plant'), part('line'), part('camera'), part('run'), part('strip'), part('pellet.index')].join('/')
  drawGroup(`Pellet ${name}: trace ${capture?.traceId}`, pellet)
  drawGroup(`Its strip: trace ${strip[0]?.traceId}`, strip)
  const axisY = y - 4
  const grid: string[] = []
  for (const tick of ticksOf(spanMs)) {
    const x = labelWidth + (tick / spanMs) * plotWidth
    grid.push(`<line x1="${at(x)}" y1="44" x2="${at(x)}" y2="${at(axisY)}" stroke="#e4e4e4"/>`)
    text(x, axisY + 14, formatMs(tick), 'text-anchor="middle" fill="#555555"')
  }
  let x = labelWidth
  for (const [service, colour] of Object.entries(colours)) {
    parts.push(`<rect x="${at(x)}" y="${at(axisY + 26)}" width="12" height="12" rx="2" fill="${colour}"/>`)
    text(x + 17, axisY + 37, service)
    x += 30 + service.length * 7.4
  }
  const height = Math.ceil(axisY + 54)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, sans-serif" font-size="12">
<title>The way of one pellet through the plant, stage by stage</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${[...grid, ...parts].join('\n')}
</svg>
`
}

/** At most eight round numbers from 0 on. */
function ticksOf(spanMs: number): number[] {
  const rough = spanMs / 7
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 10 * power
  return Array.from({ length: Math.floor(spanMs / step) + 1 }, (_, i) => i * step)
}

function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`
  return `${ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)} ms`
}
