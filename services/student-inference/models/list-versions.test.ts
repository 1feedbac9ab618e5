import assert from 'node:assert/strict'
import test from 'node:test'
import type { PoolState } from '../../shared/onnx/inference-pool.ts'
import type { ModelShelf, ShelfEntry } from './create-model-shelf.ts'
import { listVersions } from './list-versions.ts'

const modelPath = 'one.onnx'

function entry(id: string, state: ShelfEntry['state'], workers?: PoolState, reason = ''): ShelfEntry {
  const student = workers && ({ model: { id }, state: () => workers } as unknown as ShelfEntry['student'])
  return { name: { id, sha256: '' }, state, reason, error: undefined, student, shadow: undefined }
}

function list(entries: readonly ShelfEntry[], live: ShelfEntry | undefined, ready: boolean) {
  const shelf = { entries: () => entries, live: () => live?.student } as unknown as ModelShelf
  return listVersions({ phase: 'ready', ready, shelf, modelPath }).map(({ version, state }) => `${version} ${state}`)
}

test('a version is listed by its own workers and its place, the one that judges first', () => {
  const live = entry('one', 'ready', 'ready')
  const others = [
    entry('two', 'ready', 'recovering'),
    entry('three', 'ready', 'failed'),
    entry('four', 'ready', 'degraded'),
    entry('five', 'retiring', 'ready'),
    entry('six', 'refused'),
  ]
  const rest = ['two READY', 'three UNAVAILABLE', 'four READY', 'five UNLOADING', 'six UNAVAILABLE']
  assert.deepEqual(list([...others, live], live, true), ['one READY', ...rest])
  // Nor do the others lose anything with the one that judges.
  const dead = entry('one', 'ready', 'failed')
  assert.deepEqual(list([dead, ...others], dead, false), ['one UNAVAILABLE', ...rest])
})

test('the version that judges is listed as ready with what is wrong with it', () => {
  const live = entry('one', 'ready', 'degraded', 'a worker of it was given up')
  const shelf = { entries: () => [live], live: () => live.student } as unknown as ModelShelf
  assert.deepEqual(listVersions({ phase: 'ready', ready: true, shelf, modelPath }), [
    { version: 'one', state: 'READY', reason: 'a worker of it was given up' },
  ])
})
