import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { GetLotDistributionsResponseSchema, LengthUnit, LotSchema } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { lotDetails, lotJson } from './describe-lot.ts'
import { sizeDetails, sizeRows, sizeSummaryJson, sizesJson } from './describe-sizes.ts'

const sizes = create(GetLotDistributionsResponseSchema, {
  pellets: [
    {
      unit: LengthUnit.UM,
      pieces: 8n,
      classes: [
        { lower: 1995, upper: 2113, pieces: 2n },
        { lower: 2113, upper: 2239, pieces: 6n },
      ],
      d10: 2042,
      d50: 2155,
      d90: 2222,
    },
  ],
})

describe('sizes of a lot', () => {
  it('are told by their median, a row for each distribution there is', () => {
    assert.deepEqual(sizeDetails(sizes), [['Pellet diameter D50, um', '2,155 (D10 2,042, D90 2,222)']])
  })

  it('are tabled class by class with share, cumulative share and a bar', () => {
    const [first, last] = sizeRows(sizes.pellets[0]!)
    assert.deepEqual(first, ['1,995', '2,113', '2', '25.00 %', '25.00 %', '#'.repeat(13)])
    assert.deepEqual(last, ['2,113', '2,239', '6', '75.00 %', '100.00 %', '#'.repeat(40)])
  })

  it('are JSON with classes, or without them in a summary', () => {
    const summary = { unit: 'um', pieces: 8n, d10: 2042, d50: 2155, d90: 2222 }
    assert.deepEqual(sizeSummaryJson(sizes), { pellets: [summary], specks: [] })
    const { pellets } = sizesJson(sizes) as { pellets: { classes: unknown[] }[] }
    assert.deepEqual(pellets[0]?.classes[1], { lower: 2113, upper: 2239, pieces: 6n })
  })
})

describe('measures of a lot', () => {
  const value = (rows: ReturnType<typeof lotDetails>, name: string) => rows.find(([what]) => what === name)?.[1]

  it('show shapes, the share of pellets with a speck, and gray with its sign', () => {
    const shapes = { regular: 3100n, fines: 3n, tails: 1n, twins: 12n, clusters: 4n }
    const lot = create(LotSchema, { shapes, specked: 35n, specksMeasured: 3229n, grayDeviation: -2.345 })
    const rows = lotDetails(lot)
    assert.equal(value(rows, 'Shape regular'), '3,100')
    assert.equal(value(rows, '  twins'), '12')
    assert.equal(value(rows, 'With a speck'), '35 of 3,229 measured (1.08 %)')
    assert.equal(value(rows, 'Gray, from reference'), '-2.35')
  })

  it('say that nothing was measured where it was not', () => {
    const rows = lotDetails(create(LotSchema))
    assert.equal(value(rows, 'With a speck'), 'not measured')
    assert.equal(value(rows, 'Gray, from reference'), '-')
    assert.equal((lotJson(create(LotSchema)) as { grayDeviation: unknown }).grayDeviation, null)
  })
})
