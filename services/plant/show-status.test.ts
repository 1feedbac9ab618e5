import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { EstimateSchema, ReconciliationSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { LineStatus } from './line-status.ts'
import { createStatusDisplay } from './show-status.ts'

function statusOf(number: number): LineStatus {
  return {
    line: `line-${number}`,
    lot: 'lot-1',
    rowsPerSecond: 4400,
    pelletsPerSecond: 612,
    ngPpm: create(EstimateSchema, { value: 12_345 }),
    ngPpmCorrected: create(EstimateSchema, { value: 9_876, lower: 8_000, upper: 12_000 }),
    audited: 321,
    disagreement: create(EstimateSchema, { value: 0.0012 }),
    reconciliation: create(ReconciliationSchema),
    balanced: true,
    endedWell: true,
    isOpen: true,
    queueFill: 0.25,
    alerts: [],
    truth: { pellets: 0, ng: 0, subSize: 0 },
  }
}

/** What a terminal of this size is sent for so many lines, without the escape codes. */
function shownOn(size: { columns: number; rows: number }, lines: number): string[] {
  let sent = ''
  const write = (text: string) => {
    sent += text
  }
  createStatusDisplay({ isTTY: true, ...size, write }).show(Array.from({ length: lines }, (_, i) => statusOf(i + 1)))
  return sent.replaceAll('\u001b[2K', '').trimEnd().split('\n')
}

describe('status display', () => {
  it('leaves whole columns out of a narrow terminal, and keeps NG and alerts', () => {
    const [headings, row] = shownOn({ columns: 40, rows: 24 }, 1)
    assert.match(headings!, /^line +pellets\/s +NG ppm +alerts$/)
    assert.match(row!, /^line-1 +612 +12,345 +0$/)
    assert.match(shownOn({ columns: 200, rows: 24 }, 1)[1]!, /4,400 .*9,876 \(8,000\.\.12,000\).* 25 % /)
  })

  it('draws no more rows than a low terminal has, since what scrolls away cannot be drawn over', () => {
    const shown = shownOn({ columns: 120, rows: 6 }, 16)
    assert.equal(shown.length, 5)
    assert.match(shown[3]!, /^line-3 /)
    assert.equal(shown[4], '13 more lines')
  })

  it('draws on terminals that do not know their size', () => {
    assert.match(shownOn({ columns: 0, rows: 0 }, 1)[1]!, /^line-1 .* 0$/)
  })
})
