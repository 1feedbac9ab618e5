import { globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { installHelm } from '../../../scripts/tools/chart-tools.ts'
import type { Manifest } from './manifest.ts'
import { runTool, type ToolRun } from './run-tool.ts'

export const repository = dirname(dirname(dirname(import.meta.dirname)))
export const chart = join(repository, 'charts', 'pelletline')

/** Values of a file, or parts of them. */
export type Values = Readonly<Record<string, unknown>>

/** A documented set of values. */
export interface Example {
  readonly name: string
  readonly values: Values
}

/** The chart's defaults, then every file of `charts/pelletline/examples`. */
export const examples: readonly Example[] = [
  { name: 'default values', values: {} },
  ...globSync('examples/*.yaml', { cwd: chart })
    .sort()
    .map((file) => ({ name: basename(file), values: parse(readFileSync(join(chart, file), 'utf8')) as Values })),
]

/** The release is the one of the documents: its objects are called `pelletline-...`. */
const target = ['pelletline', chart, '--namespace', 'pelletline']

/** `helm template` with values, however it ends. */
export async function templateChart(values: Values, kubernetes = '1.34.0'): Promise<ToolRun> {
  const helm = await installHelm()
  return runTool(helm, ['template', ...target, '--kube-version', kubernetes, '--values', '-'], stringify(values))
}

const rendered = new Map<string, Promise<string>>()

/**
 * Text of all objects that the chart makes of values, hooks included, made once for the same values; throws what Helm says
 * where it refuses them.
 */
export function renderText(values: Values = {}): Promise<string> {
  const key = JSON.stringify(values)
  const known = rendered.get(key)
  if (known !== undefined) return known
  const text = templateChart(values).then(({ code, stdout, stderr }) => {
    if (code !== 0) throw new Error(stderr)
    return stdout
  })
  rendered.set(key, text)
  return text
}

/** The objects of YAML documents. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text, { uniqueKeys: true }).flatMap((document) => {
    if ('errors' in document && document.errors.length > 0) throw document.errors[0]
    const manifest = document.toJS() as Manifest | null
    return manifest === null ? [] : [manifest]
  })
}

/** All objects that the chart makes of values. */
export async function renderChart(values: Values = {}): Promise<readonly Manifest[]> {
  return parseManifests(await renderText(values))
}
