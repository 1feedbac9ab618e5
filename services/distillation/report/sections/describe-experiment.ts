import type { ExperimentReport, ReportedPart, TrainedNetworks } from '../experiment-report.ts'
import { formatCount, formatDuration, formatSignificant, missing } from '../format-numbers.ts'
import { type Html, html } from '../html.ts'
import type { Section } from '../section.ts'
import { table } from '../table.ts'

/** Skipped images that are listed by name; the JSON has all. */
const mostListed = 100

/** What was trained on what: parts, split, machine. */
export function describeExperiment(report: ExperimentReport): Section {
  const { data, machine, models } = report
  const { parts, standardisation } = data
  const trained = report.trained ?? trainedOf(models)
  const all = parts.train.count + parts.val.count + parts.test.count
  const rows = (['train', 'val', 'test'] as const).map((name) => ({ cells: partCells(name, parts[name], all) }))
  return {
    id: 'experiment',
    title: 'What was trained on what',
    blocks: [
      html`<p>${countNetworks(trained.networks)} trained on ${formatCount(all)} crops of 50×50 gray pixels from
<b>${data.source}</b>${describeShown(trained, models)}. ${sentence(data.split)} Pixels are standardised by the training part alone: mean ${formatSignificant(standardisation.mean, 4)},
standard deviation ${formatSignificant(standardisation.deviation, 4)} gray levels. NG is the positive class throughout.</p>
${table('Parts of the data', ['part', 'images', 'share', 'OK', 'NG', 'groups'], rows)}
<p>${describeLosses(data)} ${describeGiven(models)}Trained in ${formatDuration(trained.seconds)} of computing on ${machine.processor},
${machine.threads} ${machine.threads === 1 ? 'thread' : 'threads'}, ${machine.runtime}. Program at commit <code>${report.commit}</code>, report of
<time datetime="${report.createdAt}">${report.createdAt.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC')}</time>. Settings, digests and seeds are <a href="#details">at the end</a>.</p>`,
    ],
  }
}

/** What one looks up rather than reads: settings, digests, seeds, skipped images; folded on screens. */
export function listDetails(report: ExperimentReport): Section {
  return {
    id: 'details',
    title: 'Settings, digests, skipped images',
    blocks: [html`${foldedSettings(report)}${foldedDigests(report)}${foldedSkipped(report.data)}`],
  }
}

/** Those of the models that were trained here. */
function trainedOf(models: ExperimentReport['models']): TrainedNetworks {
  const own = models.filter(({ given }) => given === undefined)
  return { networks: own.length, seconds: own.reduce((sum, { trainingSeconds }) => sum + trainingSeconds, 0) }
}

function countNetworks(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'network' : 'networks'}`
}

/** How many of the trained networks have figures of their own, where not all have. */
function describeShown({ networks }: TrainedNetworks, models: ExperimentReport['models']): string {
  const shown = trainedOf(models).networks
  return shown === networks
    ? ''
    : `; ${shown} of them are shown one by one, the others in the studies of seeds, settings and labels`
}

/** Which models were not trained here, so that their training does not seem to have cost nothing. */
function describeGiven(models: ExperimentReport['models']): string {
  const named = models.flatMap(({ given }) =>
    given === undefined ? [] : [`${given.model} (on ${given.dataSource}, commit ${given.commit.slice(0, 8)})`],
  )
  return named.length === 0 ? '' : `Given, and trained before: ${named.join('; ')}. The others: `
}

function partCells(name: string, { count, ok, ng, groups }: ReportedPart, all: number) {
  const share = all === 0 ? missing : `${((100 * count) / all).toFixed(0)} %`
  return [
    name,
    formatCount(count),
    share,
    formatCount(ok),
    formatCount(ng),
    groups === null ? 'not known' : formatCount(groups),
  ]
}

function describeLosses({ skipped, padded }: ExperimentReport['data']): string {
  const first =
    skipped.length === 0
      ? 'No image was skipped'
      : `${formatCount(skipped.length)} ${skipped.length === 1 ? 'image was' : 'images were'} skipped (listed at the end)`
  return `${first}; ${padded === 0 ? 'none was' : `${formatCount(padded)} were`} of another size and padded.`
}

function sentence(text: string): string {
  const capital = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(capital) ? capital : `${capital}.`
}

function foldedDigests({ data, models }: ExperimentReport): Html {
  const parts = Object.entries(data.parts).map(([name, { digest }]) => ({
    cells: [`${name} part`, html`<code>${digest}</code>`],
  }))
  const files = models.flatMap((model) =>
    model.files.map(({ file, sha256 }) => ({ cells: [file, html`<code>${sha256}</code>`] })),
  )
  const seeds = models.map(({ label, seed }) => `${label}: ${seed}`).join('; ')
  return html`<details><summary>Digests and seeds</summary>
${table('SHA-256', ['what', 'digest'], [...parts, ...files], { text: [1] })}
<p>Seeds: ${seeds}.</p></details>
`
}

function foldedSettings({ settings }: ExperimentReport): Html | null {
  const entries = flatten(settings)
  if (entries.length === 0) return null
  return html`<details><summary>Settings</summary><dl class="settings">${entries.map(
    ([key, value]) => html`<div><dt>${key}</dt><dd>${value}</dd></div>\n`,
  )}</dl></details>
`
}

/** Nested settings as dotted keys; lists as JSON. */
function flatten(value: Readonly<Record<string, unknown>>, prefix = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]): [string, string][] => {
    if (isRecord(inner)) return flatten(inner, `${prefix}${key}.`)
    return [[`${prefix}${key}`, typeof inner === 'string' ? inner : (JSON.stringify(inner) ?? missing)]]
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function foldedSkipped({ skipped }: ExperimentReport['data']): Html | null {
  if (skipped.length === 0) return null
  const more = skipped.length - mostListed
  return html`<details><summary>Skipped images</summary><ul>${skipped
    .slice(0, mostListed)
    .map(({ path, reason }) => html`<li><code>${path}</code>: ${reason}</li>\n`)}</ul>${
    more > 0 && html`<p>And ${formatCount(more)} more, in report.json.</p>`
  }</details>
`
}
