import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type MarkupElement, readMarkup } from '../test-support/check-markup.ts'
import { toyReport } from '../test-support/toy-report.ts'
import type { ExperimentReport } from './experiment-report.ts'
import { printWidthPx, smallestTextPx } from './figures/figure.ts'
import { writeReport } from './write-report.ts'

const folders: string[] = []

after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true })
})

async function write(report: ExperimentReport, outDir?: string) {
  const folder = outDir ?? (await mkdtemp(join(tmpdir(), 'report-')))
  if (outDir === undefined) folders.push(folder)
  const written = await writeReport(report, folder)
  const page = await readFile(written.html, 'utf8')
  const figures = await Promise.all(written.figures.map(async (path) => ({ path, svg: await readFile(path, 'utf8') })))
  return { ...written, folder, page, figures }
}

const hostile = '</title><script>alert("x")</script> & \'more\''

function hostileReport(): ExperimentReport {
  const report = toyReport({ title: hostile })
  return {
    ...report,
    data: { ...report.data, source: hostile, split: hostile },
    settings: { ...report.settings, [hostile]: { [hostile]: hostile } },
    models: report.models.map((model) => ({ ...model, label: `${model.label} <b>${hostile}` })),
  }
}

const full = await write(toyReport())
const bare = await write(toyReport({ bare: true }))
const attacked = await write(hostileReport())

const textOf = (page: string) => page.replace(/<style>.*?<\/style>/s, '').replace(/<[^>]*>/g, ' ')

describe('writeReport', () => {
  test('writes the page, the report as it was given, and every figure that the paper has', async () => {
    assert.equal(full.html, join(full.folder, 'report', 'index.html'))
    assert.deepEqual(JSON.parse(await readFile(full.json, 'utf8')), JSON.parse(JSON.stringify(toyReport())))
    const names = full.figures.map(({ path }) => basename(path))
    for (const name of [
      'table-3-intervals.svg',
      'figure-6-schedules.svg',
      'figure-8-students.svg',
      'figure-9a-heatmaps-ng.svg',
      'figure-9b-heatmaps-ok.svg',
      'escapes-against-overkill.svg',
      'escapes-by-size.svg',
      'reliability.svg',
      'temperature-and-lambda.svg',
      'label-study.svg',
      'worst-mistakes.svg',
    ]) {
      assert.ok(names.includes(name), name)
    }
    const text = textOf(full.page)
    for (const number of ['Table 3.', 'Figure 6.', 'Figure 8.', 'Figure 9a.', 'Figure 9b.'])
      assert.ok(text.includes(number), number)
    assert.deepEqual((await readdir(join(full.folder, 'report', 'figures'))).toSorted(), names.toSorted())
  })

  for (const [name, { page }] of Object.entries({ full, bare, attacked })) {
    test(`page of the ${name} report is well-formed, needs nothing from outside and runs nothing`, () => {
      const elements = readMarkup(page)
      const references = elements.flatMap(({ attributes }) =>
        ['src', 'href', 'xlink:href', 'data', 'action'].flatMap((key) => attributes.get(key) ?? []),
      )
      assert.ok(references.length > 0)
      for (const reference of references) assert.match(reference, /^(#|data:image\/png;base64,)/)
      assert.doesNotMatch(page, /https?:|@import|url\((?!#)/)
      assert.ok(!elements.some(({ name: element }) => ['script', 'link', 'iframe', 'object'].includes(element)))
      assert.ok(!elements.some(({ attributes }) => [...attributes.keys()].some((key) => key.startsWith('on'))))
    })

    test(`page of the ${name} report has no id twice and no anchor that leads nowhere`, () => {
      const elements = readMarkup(page)
      const ids = elements.flatMap(({ attributes }) => attributes.get('id') ?? [])
      assert.equal(new Set(ids).size, ids.length)
      const anchors = elements
        .flatMap(({ attributes }) => attributes.get('href') ?? [])
        .filter((href) => href.startsWith('#'))
      assert.deepEqual(
        anchors.filter((href) => !ids.includes(href.slice(1))),
        [],
      )
      const used = [...page.matchAll(/url\(#([^)]+)\)/g)].map((match) => match[1]!)
      assert.deepEqual(
        used.filter((id) => !ids.includes(id)),
        [],
      )
    })
  }

  test('text of the report stays text', () => {
    assert.ok(!attacked.page.includes('<script'))
    assert.ok(
      attacked.page.includes(
        '<h1>&lt;/title&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;more&#39;</h1>',
      ),
    )
    for (const { svg } of attacked.figures) assert.ok(!svg.includes('<script'))
  })

  test('figures are named, stand alone, and print legibly at the width of A4', () => {
    assert.ok(full.figures.length >= 13)
    for (const { path, svg } of [...full.figures, ...attacked.figures]) {
      const [root, title] = readMarkup(svg) as [MarkupElement, MarkupElement]
      assert.equal(root.name, 'svg')
      assert.equal(root.attributes.get('xmlns'), 'http://www.w3.org/2000/svg')
      assert.equal(root.attributes.get('role'), 'img')
      assert.ok((root.attributes.get('aria-label') ?? '').length > 20, path)
      assert.equal(title.name, 'title')
      const sizes = [...svg.matchAll(/font-size="([\d.]+)px"/g)].map((match) => Number(match[1]))
      assert.ok(sizes.length > 0 && Math.min(...sizes) >= smallestTextPx, `${path}: ${Math.min(...sizes)} px`)
    }
    for (const { path, svg } of full.figures) {
      const width = Number(readMarkup(svg)[0]!.attributes.get('width'))
      assert.ok(width > 200 && width <= printWidthPx, `${path}: ${width} px`)
    }
  })

  test('every figure of the page carries its name and number', () => {
    const elements = readMarkup(full.page)
    const figures = elements.filter(({ name }) => name === 'figure').length
    assert.equal(figures, full.figures.length)
    assert.equal(
      elements.filter(({ name, attributes }) => name === 'svg' && attributes.get('aria-label')).length,
      figures,
    )
    const numbers = [...full.page.matchAll(/<b>Figure (\w+)\. /g)].map((match) => match[1])
    assert.equal(new Set(numbers).size, figures)
  })

  test('optional members that are absent leave their sections out or say why', () => {
    const text = textOf(bare.page)
    for (const absent of ['Figure 9', 'Temperature T', 'Few labels', 'NaN', 'undefined', 'Infinity']) {
      assert.ok(!text.includes(absent), absent)
    }
    for (const reason of [
      'Figure 6 is left out',
      'Figure 8 is left out',
      'sizes of the specks are not known',
      'No two models were compared',
    ]) {
      assert.ok(text.includes(reason), reason)
    }
    assert.doesNotMatch(textOf(full.page), /NaN|undefined|Infinity|\[object/)
  })

  test('report without any model is written all the same', async () => {
    const empty = await write({ ...toyReport({ bare: true }), models: [] })
    readMarkup(empty.page)
    assert.match(textOf(empty.page), /Whether distillation pays cannot be said/)
  })

  test('figures of an earlier report do not stay beside a later one', async () => {
    const first = await write(toyReport())
    await writeFile(join(first.folder, 'report', 'figures', 'notes.txt'), 'kept')
    const second = await write(toyReport({ bare: true }), first.folder)
    const left = await readdir(join(first.folder, 'report', 'figures'))
    assert.deepEqual(left.toSorted(), [...second.figures.map(({ path }) => basename(path)), 'notes.txt'].toSorted())
  })

  test('pictures of another size are refused by name', async () => {
    const report = toyReport()
    const [mistake] = report.worst
    const broken = { ...report, worst: [{ ...mistake!, index: 77, pixels: 'AAAA' }] }
    await assert.rejects(write(broken), /mistake 77 of .* 3 bytes/)
  })
})
