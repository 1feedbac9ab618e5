import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countMultiplyAdds, countParameters } from '../../networks/count-costs.ts'
import { createNetwork } from '../../networks/create-network.ts'
import { listConvolutions } from '../../networks/list-convolutions.ts'
import { toyReport } from '../../test-support/toy-report.ts'
import type { ReportedModel } from '../experiment-report.ts'
import { isFigure } from '../section.ts'
import { costBlocks } from './compare-costs.ts'

test('costs show the other block with its own figures, and which convolutions make ten', () => {
  const report = toyReport()
  const build = (model: ReportedModel, block?: '1x1-3x3-1x1') => {
    const network = createNetwork('student', { block })
    const [parameters, multiplyAdds] = [countParameters(network), countMultiplyAdds(network)]
    return { ...model, parameters, multiplyAdds, convolutions: listConvolutions(network) }
  }
  const models = report.models.map((model) => (model.role === 'teacher' ? model : build(model)))
  const variant = models.find(({ role }) => role === 'variant')!
  const other = ['plain', 'distilled'].map((how) => ({
    ...build(variant, '1x1-3x3-1x1'),
    id: `${how}-bottleneck`,
    label: `other block, ${how}`,
  }))
  const blocks = costBlocks({ ...report, models: [...models, ...other] })
  const [costs, convolutions] = blocks.map((block) => {
    assert.ok(!isFigure(block))
    return block.markup.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ')
  })
  assert.match(costs!, /student 6\.38 M 73\.6 M/)
  // One row for a network, however it was taught; a variant of the students' own network needs none.
  assert.match(costs!, /other block, plain 6\.\d\d M [\d.]+ M/)
  assert.doesNotMatch(costs!, /other block, distilled|plateau/)
  assert.match(convolutions!, /student: 10 convolutions stem1 50×50 3×3 1 1 16 stem2 25×25 3×3 1 16 48/)
  assert.match(convolutions!, /widen3 3×3 3×3 1 112 544/)
  assert.match(
    convolutions!,
    /other block, plain: 10 convolutions stem 50×50 3×3 1 1 128 block1\.first 25×25 1×1 1 128 32/,
  )
})
