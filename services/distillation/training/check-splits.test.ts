import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectCrops } from '../../shared/dataset/create-crop-dataset.ts'
import { toySplits } from '../test-support/toy-crops.ts'
import { checkSplits } from './check-splits.ts'

const splits = toySplits(4, 4, 4)
const batchSize = 2
const fixed = { batchSize, threshold: { kind: 'fixed', margin: 0 } } as const
const refused = (message: RegExp) => ({ code: 'invalid_argument', message })

test('data that a training would fail on at its end are refused before it starts', () => {
  checkSplits(splits, fixed)
  assert.throws(() => checkSplits(splits, { ...fixed, batchSize: 8 }), refused(/holds 4 crops and a batch takes 8/))
  const onlyGood = { ...splits, train: selectCrops(splits.train, [0, 2]) }
  assert.throws(() => checkSplits(onlyGood, fixed), refused(/the train part holds no NG crop/))
  const emptyTest = { ...splits, test: selectCrops(splits.test, []) }
  assert.throws(() => checkSplits(emptyTest, fixed), refused(/the test part holds no crop/))
})

test('validation part needs the class that the rule of the threshold counts', () => {
  const onlyBad = { ...splits, val: selectCrops(splits.val, [1, 3]) }
  checkSplits(onlyBad, { batchSize, threshold: { kind: 'minRecall', recall: 0.9 } })
  assert.throws(
    () => checkSplits(onlyBad, { batchSize, threshold: { kind: 'maxOverkillPpm', ppm: 100 } }),
    refused(/the val part holds no OK crop, which the threshold's rule needs/),
  )
})
