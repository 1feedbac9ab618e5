import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import { z } from 'zod'
import { type FieldViolation, PelletlineError } from '../errors/pelletline-error.ts'

/** What is known of a failed rule; zod's issues, as far as they are described here. */
type Issue = z.core.$ZodIssue

/** `cameras[0].umPerPx`; the empty path is the file as a whole. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown> | null | undefined)?.[part], value)
}

function formatValue(value: unknown): string {
  if (value === undefined) return 'nothing'
  // JSON has no NaN and no infinity, YAML has.
  if (typeof value === 'number') return String(value)
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}

/** Keys that the schema knows at a path; empty where it is no object there. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: z.core.$ZodType = unwrap(schema)
  for (const part of path) {
    if (at instanceof z.ZodObject) at = unwrap(at.shape[String(part)] as z.core.$ZodType)
    else if (at instanceof z.ZodArray) at = unwrap(at.element)
    else if (at instanceof z.ZodRecord) at = unwrap(at.valueType)
    else return []
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function unwrap(schema: z.core.$ZodType | undefined): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap())
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) return unwrap(schema.unwrap())
  if (schema instanceof z.ZodPipe) return unwrap(schema.in)
  return schema as z.core.$ZodType
}

function describeValid(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `valid is: ${issue.expected === 'record' ? 'keys with values' : issue.expected}`
    case 'invalid_value':
      return `valid is: ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`
    case 'too_small':
      return `valid is: ${issue.inclusive === false ? 'above' : 'at least'} ${issue.minimum}${unitOf(issue.origin, issue.minimum)}`
    case 'too_big':
      return `valid is: ${issue.inclusive === false ? 'below' : 'at most'} ${issue.maximum}${unitOf(issue.origin, issue.maximum)}`
    case 'not_multiple_of':
      return `valid is: a multiple of ${issue.divisor}`
    default:
      return issue.message
  }
}

function unitOf(origin: string, count: number | bigint): string {
  const one = Number(count) === 1
  if (origin === 'string') return one ? ' character' : ' characters'
  if (origin === 'array' || origin === 'set') return one ? ' entry' : ' entries'
  return ''
}

function describeIssue(schema: z.ZodType, config: unknown, issue: Issue): FieldViolation[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path)
    const valid = known.length === 0 ? 'remove it' : `valid is: ${known.join(', ')}`
    return issue.keys.map((key) => ({
      field: formatPath([...issue.path, key]),
      description: `the key is not known; ${valid}`,
    }))
  }
  if (issue.code === 'invalid_union') {
    // One of the right type, with the fewest complaints, is the alternative that was meant.
    const isOther = (issues: readonly Issue[]) =>
      Number(issues.some(({ code, path }) => code === 'invalid_type' && path.length === 0))
    const nearest = [...issue.errors].sort((a, b) => isOther(a) - isOther(b) || a.length - b.length)[0] ?? []
    if (nearest.length > 0) {
      return nearest.flatMap((inner) =>
        describeIssue(schema, config, { ...inner, path: [...issue.path, ...inner.path] } as Issue),
      )
    }
  }
  const found = valueAt(config, issue.path)
  return [{ field: formatPath(issue.path), description: `found ${formatValue(found)}; ${describeValid(issue)}` }]
}

/** The next step where what is checked was given by options of a command. */
export const correctOptions = 'correct the options and start again'

/**
 * Checks a configuration object against a schema and fills in the defaults. Objects of the schema should be strict
 * (`z.strictObject`), so that an unknown key is refused. Throws `invalid_argument` that names `source` and lists every
 * problem: key path, the value found, what is valid; the same as `violations`. `nextStep` says what the reader is to do.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  config: unknown,
  source: string,
  nextStep = 'correct the file and start again',
): z.output<Schema> {
  const result = schema.safeParse(config)
  if (result.success) return result.data
  const violations = result.error.issues.flatMap((issue) => describeIssue(schema, config, issue))
  const lines = violations.map(({ field, description }) => `  ${field === '' ? '(as a whole)' : field}: ${description}`)
  const count = violations.length === 1 ? 'a problem' : `${violations.length} problems`
  throw new PelletlineError('invalid_argument', `${source} has ${count}; ${nextStep}:\n${lines.join('\n')}`, {
    violations,
  })
}

/** Reads YAML, of which JSON is a part; throws `invalid_argument` with line and column of the first error. */
function parseYaml(text: string, file: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0])
    throw new PelletlineError(
      'invalid_argument',
      `${file}:${line}:${col} is not YAML: ${error.message}. Correct the line and start again.`,
    )
  }
  try {
    return document.toJS() ?? {}
  } catch (cause) {
    const reason = PelletlineError.from(cause).message
    throw new PelletlineError(
      'invalid_argument',
      `${file} cannot be read as YAML: ${reason}. Write the aliases out and start again.`,
      { cause },
    )
  }
}

/**
 * Loads a configuration file, YAML or JSON. An empty file is an empty object, so all defaults hold. Throws `not_found`
 * where there is no file, `invalid_argument` as `parseConfig` does; both name the file and the service that wants it.
 */
export function loadConfig<Schema extends z.ZodType>(
  schema: Schema,
  file: string,
  options: { readonly service: string },
): z.output<Schema> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') {
      const message = `${file}, the configuration of ${options.service}, does not exist; create it or give another by --config.`
      throw new PelletlineError('not_found', message, { cause })
    }
    const message = `${file}, the configuration of ${options.service}, cannot be read (${code}); give a readable file by --config.`
    throw new PelletlineError('invalid_argument', message, { cause })
  }
  return parseConfig(schema, parseYaml(text, file), file)
}
