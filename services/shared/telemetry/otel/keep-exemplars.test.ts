import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SpanContext } from '../span-context.ts'
import { createExemplarStore } from './keep-exemplars.ts'

const boundaries = [0.1, 1]
const trace = (digit: string): SpanContext => ({ traceId: digit.repeat(32), spanId: digit.repeat(16), sampled: true })
const idsOf = (found: ReturnType<ReturnType<typeof createExemplarStore>['find']>) => found?.map((at) => at?.traceId[0])

describe('createExemplarStore', () => {
  it('keeps the last of each bucket, whose upper limit belongs to it', () => {
    let nowMs = 1000
    const store = createExemplarStore(8, () => nowMs++)
    for (const [value, digit] of [
      [0.1, 'a'],
      [0.11, 'b'],
      [1, 'c'],
      [7, 'd'],
    ] as const) {
      store.keep('m', boundaries, { value, labels: { line: 'l' }, trace: trace(digit) })
    }
    const found = store.find('m', { line: 'l' })
    assert.deepEqual(idsOf(found), ['a', 'c', 'd'])
    assert.deepEqual(found?.[1], { traceId: 'c'.repeat(32), spanId: 'c'.repeat(16), value: 1, atUnixMs: 1002 })
  })

  it('tells series apart by their labels, in whatever order these are named', () => {
    const store = createExemplarStore(8)
    store.keep('m', boundaries, { value: 0, labels: { a: 'x', b: 'y' }, trace: trace('1') })
    assert.deepEqual(idsOf(store.find('m', { b: 'y', a: 'x' })), ['1', undefined, undefined])
    assert.equal(store.find('m', { a: 'y', b: 'x' }), undefined)
    assert.equal(store.find('other', { a: 'x', b: 'y' }), undefined)
  })

  it('keeps those of so many series of a metric and of no more', () => {
    const store = createExemplarStore(2)
    for (const line of ['1', '2', '3', '1']) {
      store.keep('m', boundaries, { value: 0, labels: { line }, trace: trace(line) })
      store.keep('n', boundaries, { value: 0, labels: { line: `n${line}` }, trace: trace(line) })
    }
    const kept = (metric: string, prefix: string) =>
      ['1', '2', '3'].filter((line) => store.find(metric, { line: `${prefix}${line}` }) !== undefined)
    assert.deepEqual(
      [kept('m', ''), kept('n', 'n')],
      [
        ['1', '2'],
        ['1', '2'],
      ],
    )
  })

  it('keeps nothing of what no histogram counts', () => {
    const store = createExemplarStore(2)
    for (const value of [Number.NaN, -1]) store.keep('m', boundaries, { value, labels: {}, trace: trace('1') })
    assert.equal(store.find('m', {}), undefined)
  })
})
