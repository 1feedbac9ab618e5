import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { LotSchema } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { lotDetails, lotJson } from './describe-lot.ts'

test('a lot says how many of the pellets that were drawn have been audited, where the plant tells', () => {
  const auditedOf = (audited: bigint, auditSampled: bigint) => {
    const lot = create(LotSchema, { id: 'LOT-1', reconciliation: { audited, auditSampled } })
    const { reconciliation } = lotJson(lot) as {
      readonly reconciliation: { readonly audited: bigint; readonly auditSampled: bigint }
    }
    assert.deepEqual([reconciliation.audited, reconciliation.auditSampled], [audited, auditSampled])
    return new Map(lotDetails(lot)).get('Audited')
  }
  assert.equal(auditedOf(1_085n, 2_000n), '1,085 of 2,000 drawn')
  assert.equal(auditedOf(0n, 0n), '0 of 0 drawn')
  assert.equal(auditedOf(85n, 0n), '85')
})

test('a lot shows its note last, and none where there is nothing to say', () => {
  const note = 'Closed without all strips having been reported and counted.'
  const marked = create(LotSchema, { id: 'LOT-1', note })
  assert.deepEqual(lotDetails(marked).at(-1), ['Note', note])
  assert.equal((lotJson(marked) as { readonly note: string }).note, note)
  assert.equal(new Map(lotDetails(create(LotSchema, { id: 'LOT-2' }))).has('Note'), false)
})
