import { pino } from 'pino'
import { currentSpan } from './current-span.ts'

/** Levels from most to least talkative; `silent` writes nothing. */
const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Fields of a log line: ids and sizes, never pixels. */
export type LogFields = Readonly<Record<string, unknown>>

/** The part of a pino logger that the services use. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  error(fields: LogFields, message: string): void
  /** A logger whose lines carry these fields as well. */
  child(fields: LogFields): Logger
}

export interface LoggerOptions {
  /** Name of the service, the field `service` of every line. */
  readonly service: string
  readonly level: LogLevel
  /** Where lines go; standard error where absent. */
  readonly stream?: { write(line: string): unknown; readonly isTTY?: boolean }
}

const standardError = {
  write: (line: string) => process.stderr.write(line),
  get isTTY() {
    return process.stderr.isTTY
  },
}

/** `12:03:04.567 INFO  camera-gateway  strip received {"line":"line-1"}`: what a person at a terminal gets. */
function formatForTerminal(line: string): string {
  const { level, time, service, msg, pid: _pid, hostname: _hostname, ...fields } = JSON.parse(line)
  const clock = String(time).slice(11, 23)
  const rest = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`
  return `${clock} ${String(level).toUpperCase().padEnd(5)} ${service}  ${msg ?? ''}${rest}\n`
}

/**
 * Creates a logger that writes one JSON object per line (`level`, `time` in ISO 8601, `service`, the fields, `msg`), or
 * one readable line where the stream is a terminal. The field `err` takes an Error, written with its stack. What is logged
 * within a span carries `trace_id`, `span_id` and, where it is known, `lot`.
 */
export function createLogger(options: LoggerOptions): Logger {
  const stream = options.stream ?? standardError
  const sink = stream.isTTY ? { write: (line: string) => stream.write(formatForTerminal(line)) } : stream
  return pino(
    {
      level: options.level,
      base: { service: options.service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      mixin: spanFields,
      // A field of the line itself goes before one of the span.
      mixinMergeStrategy: (fields, mixin) => ({ ...mixin, ...fields }),
    },
    sink as { write(line: string): void },
  )
}

function spanFields(): LogFields {
  const span = currentSpan()
  if (span === undefined) return {}
  const { traceId, spanId } = span.context
  return { trace_id: traceId, span_id: spanId, ...(span.lot === undefined ? {} : { lot: span.lot }) }
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
}
