import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stringify } from 'yaml'
import { installHelm } from '../../scripts/tools/chart-tools.ts'
import { chart, examples } from './support/render-chart.ts'
import { runTool } from './support/run-tool.ts'

describe('helm lint', () => {
  for (const { name, values } of examples) {
    it(`has nothing to say about ${name}`, async () => {
      const helm = await installHelm()
      const args = ['lint', chart, '--strict', '--quiet', '--kube-version', '1.34.0', '--values', '-']
      const { code, stdout, stderr } = await runTool(helm, args, stringify(values))
      assert.deepEqual([code, stdout.trim()], [0, ''], stderr)
    })
  }
})
