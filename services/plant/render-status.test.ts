import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ReconciliationSchema, ShapeCountsSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { LineStatus, LotMeasures } from './line-status.ts'
import { renderReconciliation } from './render-status.ts'
import { reportLine } from './report-line.ts'

const closed: LineStatus = {
  line: 'line-1',
  lot: 'lot-1',
  rowsPerSecond: 4400,
  pelletsPerSecond: 612,
  ngPpm: undefined,
  ngPpmCorrected: undefined,
  audited: 0,
  disagreement: undefined,
  reconciliation: create(ReconciliationSchema, { found: 3303n, classified: 3303n }),
  balanced: true,
  endedWell: true,
  isOpen: false,
  queueFill: 0,
  alerts: [],
  truth: { pellets: 0, ng: 0, subSize: 0 },
}

const measures: LotMeasures = {
  shapes: create(ShapeCountsSchema, { regular: 3100n, fines: 3n, tails: 1n, twins: 12n, clusters: 4n }),
  specked: 35,
  specksMeasured: 3229,
  grayDeviation: undefined,
}

describe('closing report', () => {
  it('tells shapes and specks of the lot in two lines', () => {
    const lines = renderReconciliation({ ...closed, measures })
    assert.deepEqual(lines.slice(-2), [
      '  shapes          regular 3,100, fines 3, tails 1, twins 12, clusters 4',
      '  specks          in 35 pellets (1.08 % of 3,229 measured)',
    ])
    const gray = renderReconciliation({ ...closed, measures: { ...measures, grayDeviation: -2.345 } })
    assert.match(gray.at(-1)!, /; gray -2\.3 from the reference$/)
  })

  it('says that specks were not measured rather than that there are none, and nothing where nothing was measured', () => {
    const lines = renderReconciliation({ ...closed, measures: { ...measures, specked: 0, specksMeasured: 0 } })
    assert.match(lines.at(-1)!, /^ {2}specks +not measured$/)
    assert.ok(renderReconciliation(closed).every((line) => !/shapes|specks/.test(line)))
  })

  it('carries the same as JSON, null where nothing was measured', () => {
    assert.equal(reportLine(closed).measures, null)
    assert.deepEqual(JSON.parse(JSON.stringify(reportLine({ ...closed, measures }))).measures, {
      shapes: { regular: 3100, fines: 3, tails: 1, twins: 12, clusters: 4 },
      specked: 35,
      specksMeasured: 3229,
      grayDeviation: null,
    })
  })
})
