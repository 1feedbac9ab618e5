import { refuseInput } from '../check-input.ts'

/** Most dimensions of a tensor; what is nested deeper would be followed down to the end of the stack. */
export const maxDimensions = 8

function appendNumbers(field: string, list: readonly unknown[], into: number[]): void {
  for (const value of list) {
    if (typeof value !== 'number') throw refuseInput(field, `element ${into.length} is no number`)
    into.push(value)
  }
}

function appendNested(field: string, data: unknown, shape: readonly number[], into: number[]): void {
  const [size, ...inner] = shape
  if (!Array.isArray(data) || data.length !== size) {
    throw refuseInput(field, `its nesting is not that of its shape; nest it like the shape, or give one flat list`)
  }
  if (inner.length === 0) appendNumbers(field, data, into)
  else for (const part of data) appendNested(field, part, inner, into)
}

/** The elements of a tensor in JSON: one flat list, row-major, or lists nested like its shape of at most `maxDimensions`. */
export function readJsonTensor(field: string, data: readonly unknown[], shape: readonly number[]): number[] {
  const numbers: number[] = []
  if (Array.isArray(data[0])) appendNested(field, data, shape, numbers)
  else appendNumbers(field, data, numbers)
  return numbers
}
