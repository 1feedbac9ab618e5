import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { refuseInput } from '../check-input.ts'

/** Members of a JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>

/** A value of a parameter: the protocol knows no others. */
export type ParameterValue = string | number | boolean

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** Parses bytes as a JSON object; throws `invalid_argument` where they are none. */
export function parseObject(bytes: Uint8Array): JsonObject {
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(bytes))
  } catch (cause) {
    const what = (cause as Error).message.slice(0, 120)
    throw new PelletlineError('invalid_argument', `The body is not JSON: ${what}. Correct it and send it again.`, {
      cause,
    })
  }
  return readObject('body', json)
}

/** An object; throws `invalid_argument` that names the field where it is none. */
export function readObject(field: string, value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  throw refuseInput(field, 'it is no JSON object')
}

/** A list, empty where the field is absent. */
export function readList(field: string, value: unknown): readonly unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return value
  throw refuseInput(field, 'it is no list')
}

/** A text. */
export function readText(field: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw refuseInput(field, 'it is no text')
}

/** Parameters by name, none where the field is absent. */
export function readParameters(field: string, value: unknown): Readonly<Record<string, ParameterValue>> {
  if (value === undefined) return {}
  const parameters = readObject(field, value)
  for (const [name, parameter] of Object.entries(parameters)) {
    if (!['string', 'number', 'boolean'].includes(typeof parameter)) {
      throw refuseInput(`${field}.${name.slice(0, 64)}`, 'it is no text, number or truth value')
    }
  }
  return parameters as Readonly<Record<string, ParameterValue>>
}
