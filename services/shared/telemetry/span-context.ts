import { hash, randomFillSync } from 'node:crypto'

/** What names a span across processes: the W3C trace context. */
export interface SpanContext {
  /** 32 lower-case hex digits, not all 0. */
  readonly traceId: string
  /** 16 lower-case hex digits, not all 0. */
  readonly spanId: string
  /** Whether the trace is recorded: the flag of W3C, decided once at its root. */
  readonly sampled: boolean
}

const traceparentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/** `00-<trace id>-<span id>-<flags>`, as W3C Trace Context, level 1, section 3.2 has it. */
export function formatTraceparent({ traceId, spanId, sampled }: SpanContext): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

/** Reads a traceparent of this or a later version; undefined where it is none, so that a bad header starts a new trace. */
export function parseTraceparent(text: string | undefined): SpanContext | undefined {
  const match = traceparentPattern.exec(text ?? '')
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, rest] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ]
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  if (traceId === noTrace || spanId === noSpan) return undefined
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** Span id that belongs to a text for ever: the first 8 bytes of its SHA-256, 16 hex digits. */
export function deriveSpanId(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 16)
}

/**
 * Span id of the child that `name` names within its parent, so that work that is done again writes the same span. `key`
 * tells children of one name apart.
 */
export function deriveChildId(parent: Pick<SpanContext, 'spanId'>, name: string, key = ''): string {
  return deriveSpanId(`${parent.spanId}/${name}/${key}`)
}

/** Random bytes that are drawn many at a time: a draw costs the same 10 us however few they are. */
const drawn = Buffer.alloc(4096)
let unused = 0

function randomHex(bytes: number): string {
  if (unused < bytes) {
    randomFillSync(drawn)
    unused = drawn.length
  }
  unused -= bytes
  return drawn.toString('hex', unused, unused + bytes)
}

/** A random span id. */
export function randomSpanId(): string {
  return randomHex(8)
}

/** A random trace id. */
export function randomTraceId(): string {
  return randomHex(16)
}

/** Whether a trace is in a random share 0..1 of all, by its id alone, so that every process decides the same. */
export function isTraceSampled(traceId: string, share: number): boolean {
  return Number.parseInt(traceId.slice(-8), 16) < share * 2 ** 32
}
