import { readFileSync } from 'node:fs'

let known: string | undefined

/** Version of the program, from its package.json. */
export function programVersion(): string {
  if (known === undefined) {
    const file = new URL('../../../package.json', import.meta.url)
    known = (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
  }
  return known
}
