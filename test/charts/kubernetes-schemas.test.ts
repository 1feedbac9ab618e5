import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { installKubeconform, installKubernetesSchemas } from '../../scripts/tools/chart-tools.ts'
import { examples, renderText, repository } from './support/render-chart.ts'
import { runTool } from './support/run-tool.ts'

interface Report {
  readonly resources?: readonly { readonly kind: string; readonly name: string; readonly msg: string }[]
  readonly summary: Readonly<Record<'valid' | 'invalid' | 'errors' | 'skipped', number>>
}

/** Holds manifests against the strict schemas of a Kubernetes version. */
async function conform(text: string, kubernetes: string): Promise<Report> {
  const kubeconform = await installKubeconform()
  const location = await installKubernetesSchemas()
  const args = [
    '-strict',
    '-summary',
    '-output',
    'json',
    '-kubernetes-version',
    kubernetes,
    '-schema-location',
    location,
  ]
  const { stdout, stderr } = await runTool(kubeconform, args, text)
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as Report
}

function assertConforms({ resources = [], summary }: Report, count: number) {
  assert.deepEqual(
    resources.map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`),
    [],
  )
  assert.deepEqual([summary.invalid, summary.errors, summary.skipped], [0, 0, 0])
  assert.ok(summary.valid >= count, `only ${summary.valid} objects were looked at`)
}

// The oldest version that Chart.yaml allows, one in the middle, the newest whose schemas there are.
for (const kubernetes of ['1.30.0', '1.34.0', '1.37.0']) {
  describe(`Kubernetes ${kubernetes}`, () => {
    const rendered: { name: string; text: string }[] = []
    before(async () => {
      for (const { name, values } of examples) rendered.push({ name, text: await renderText(values) })
    })

    it('takes every object of the chart, default values and all examples', async () => {
      for (const { name, text } of rendered) {
        const objects = text.match(/^kind: /gm)?.length ?? 0
        assert.ok(objects > 20, name)
        assertConforms(await conform(text, kubernetes), objects)
      }
    })

    it('takes the namespace of k8s/', async () => {
      assertConforms(await conform(readFileSync(join(repository, 'k8s', 'namespace.yaml'), 'utf8'), kubernetes), 1)
    })

    it('refuses a field that it does not know', async () => {
      const text = (rendered[0]?.text ?? '').replace(/^( *)enableServiceLinks:/m, '$1enableServiceLink:')
      const { summary, resources } = await conform(text, kubernetes)
      assert.equal(summary.invalid, 1)
      assert.match(resources?.[0]?.msg ?? '', /enableServiceLink/)
    })
  })
}
