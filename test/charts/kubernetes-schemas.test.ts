import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { installKubeconform, installKubernetesSchemas, kubernetesVersions } from '../../scripts/tools/chart-tools.ts'
import { examples, renderText, repository } from './support/render-chart.ts'
import { runTool } from './support/run-tool.ts'

interface Report {
  readonly resources?: readonly { readonly kind: string; readonly name: string; readonly msg: string }[]
  readonly summary: Readonly<Record<'valid' | 'invalid' | 'errors' | 'skipped', number>>
}

/** Holds manifests against the strict schemas of a Kubernetes version; together, since reading the schemas is most of the work. */
async function conform(text: string, kubernetes: string): Promise<Report> {
  const kubeconform = await installKubeconform()
  const location = await installKubernetesSchemas()
  const args = ['-strict', '-summary', '-output', 'json', '-kubernetes-version', kubernetes]
  const { stdout, stderr } = await runTool(kubeconform, [...args, '-schema-location', location], text)
  assert.notEqual(stdout, '', stderr)
  return JSON.parse(stdout) as Report
}

for (const kubernetes of kubernetesVersions) {
  describe(`Kubernetes ${kubernetes}`, () => {
    let texts: readonly string[] = []
    before(async () => {
      texts = await Promise.all(examples.map(({ values }) => renderText(values)))
    })

    it('takes every object of the chart, default values and all examples, and the namespace of k8s/', async () => {
      const namespace = readFileSync(join(repository, 'k8s', 'namespace.yaml'), 'utf8')
      const all = [...texts, namespace].join('\n---\n')
      const { resources = [], summary } = await conform(all, kubernetes)
      assert.deepEqual(
        resources.map(({ kind, name, msg }) => `${kind} ${name}: ${msg}`),
        [],
      )
      const objects = all.match(/^kind: /gm)?.length ?? 0
      assert.ok(objects > 20 * examples.length)
      assert.deepEqual(summary, { valid: objects, invalid: 0, errors: 0, skipped: 0 })
    })

    it('refuses a field that it does not know', async () => {
      const [pod = ''] = (texts[0] ?? '').split(/^---$/m).filter((text) => /^kind: Pod$/m.test(text))
      const { summary, resources } = await conform(pod.replace('enableServiceLinks:', 'enableServiceLink:'), kubernetes)
      assert.equal(summary.invalid, 1)
      assert.match(resources?.[0]?.msg ?? '', /enableServiceLink/)
    })
  })
}
