// `npm run chart-schema`: brings the configuration of the services in the chart's schema of values up to date.
import { readFileSync, writeFileSync } from 'node:fs'
import { withServiceConfigs } from './values-schema.ts'

const file = new URL('../../charts/pelletline/values.schema.json', import.meta.url)
const schema = JSON.parse(readFileSync(file, 'utf8')) as { readonly $defs: object }
writeFileSync(file, `${JSON.stringify(withServiceConfigs(schema), undefined, 2)}\n`)
