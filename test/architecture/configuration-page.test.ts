// docs/configuration.md against the schemas that it describes: what a reader copies from it is taken, and no key is missing.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { parse } from 'yaml'
import { serviceSchemas } from '../support/service-schemas.ts'

const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text]),
)
const shared = sections.get('Keys that all services share')!

for (const [name, schema] of Object.entries(serviceSchemas)) {
  const section = sections.get(name)!

  test(`the example of ${name} is taken as it stands`, () => {
    const [, example] = /```yaml\n(.*?)```/s.exec(section)!
    const { error } = schema.safeParse(parse(example!))
    assert.equal(error, undefined, error?.message)
  })

  test(`every key of ${name} is on the page`, () => {
    const missing = Object.keys(schema.shape).filter(
      (key) => ![section, shared].some((text) => text.includes(`\`${key}`)),
    )
    assert.deepEqual(missing, [])
  })
}
