import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selectCrops } from '../../shared/dataset/create-crop-dataset.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import {
  checkShares,
  chooseLabelled,
  deriveTrainingPart,
  drawCrops,
  flipLabels,
  keepLabelled,
} from './derive-training-part.ts'

const crops = toyCrops(100, 1)
const ngOf = (labels: Uint8Array) => labels.reduce((sum, label) => sum + label, 0)
const everything = { labelShare: 1, noiseShare: 0 }

test('crops are drawn half of each class, by the seed', () => {
  const drawn = drawCrops(crops, 31, 5)
  assert.equal(drawn.count, 31)
  assert.ok([15, 16].includes(ngOf(drawn.labels)))
  assert.equal(drawCrops(crops, 31, 5).digest, drawn.digest)
  assert.notEqual(drawCrops(crops, 31, 6).digest, drawn.digest)
  assert.equal(drawCrops(crops, 100, 5), crops)
})

test('share that holds no crop of a class is refused by the class, before and when it is drawn', () => {
  const refused = { code: 'invalid_argument', message: /0\.1 % of 50 OK crops is none: use a larger share/ }
  for (const data of [
    { labelShare: 0.001, noiseShare: 0 },
    { labelShare: 1, noiseShare: 0.001 },
  ]) {
    assert.throws(() => checkShares(crops, data), refused)
    assert.throws(() => deriveTrainingPart(crops, data, 1, true), refused)
  }
  checkShares(crops, everything)
  checkShares(crops, { labelShare: 0.02, noiseShare: 0.02 })
})

test('wrong labels are as many in each class, and everybody sees them', () => {
  const noisy = flipLabels(crops, 0.2, 1)
  const flipped = [...noisy.labels.keys()].filter((i) => noisy.labels[i] !== crops.labels[i])
  assert.equal(flipped.length, 20)
  assert.equal(flipped.filter((i) => crops.labels[i] === 1).length, 10)
  const study = { labelShare: 1, noiseShare: 0.2 }
  const [plain, taught] = [false, true].map((how) => deriveTrainingPart(crops, study, 1, how))
  assert.equal(plain!.train.digest, noisy.digest)
  assert.equal(taught!.train.digest, noisy.digest)
  assert.deepEqual(deriveTrainingPart(crops, everything, 1, true), { train: crops, labelled: undefined })
})

test('crops that are drawn are as few as half of what is asked for allows of the rarer class', () => {
  const rare = selectCrops(
    crops,
    [...Array(100).keys()].filter((i) => crops.labels[i] === 0 || i < 6),
  )
  const [drawn, all] = [drawCrops(rare, 40, 5), drawCrops(rare, rare.count, 5)]
  const ng = ngOf(rare.labels)
  assert.deepEqual([rare.count, drawn.count, ngOf(drawn.labels)], [50 + ng, 20 + ng, ng])
  assert.equal(all, rare)
})

test('student without teachers makes as many steps whatever share of the labels is left', () => {
  // A folder's crops come class by class.
  const sorted = selectCrops(
    crops,
    [0, 1].flatMap((label) => [...Array(100).keys()].filter((i) => crops.labels[i] === label)),
  )
  for (const given of [crops, sorted])
    for (const share of [0.1, 0.2, 0.25, 0.4, 0.5, 0.7, 0.96]) {
      const labelled = chooseLabelled(given, share, 1)!
      const { count, labels, digest } = keepLabelled(given, labelled)
      assert.deepEqual([count, ngOf(labels)], [100, 50], `share ${share}`)
      const indices = [...labelled.keys()].filter((i) => labelled[i] === 1)
      const rounds = 100 / indices.length
      // Whole rounds are what they always were, to the bit.
      if (Number.isInteger(rounds))
        assert.equal(digest, selectCrops(given, Array.from({ length: rounds }, () => indices).flat()).digest)
    }
  // No crop is shown twice as often as another: 40 of them in two rounds and a half.
  const { pixels } = keepLabelled(crops, chooseLabelled(crops, 0.4, 1))
  const shown = Map.groupBy(Array(100).keys(), (i) =>
    Buffer.from(pixels.subarray(2500 * i, 2500 * (i + 1))).toString('latin1'),
  )
  assert.deepEqual([...new Set([...shown.values()].map((own) => own.length))].sort(), [2, 3])
  assert.equal(shown.size, 40)
})

test('with few labels the taught student sees all crops and few labels, the untaught only these, more often', () => {
  const study = { labelShare: 0.1, noiseShare: 0 }
  const taught = deriveTrainingPart(crops, study, 1, true)
  assert.equal(taught.train.digest, crops.digest)
  assert.deepEqual(taught.labelled, chooseLabelled(crops, 0.1, 1))
  assert.equal(ngOf(taught.labelled!), 10)
  const untaught = deriveTrainingPart(crops, study, 1, false)
  assert.equal(untaught.labelled, undefined)
  assert.equal(untaught.train.count, 100)
  assert.equal(ngOf(untaught.train.labels), 50)
  const different = new Set(
    Array.from({ length: 100 }, (_, i) =>
      Buffer.from(untaught.train.pixels.subarray(2500 * i, 2500 * (i + 1))).toString('latin1'),
    ),
  )
  assert.equal(different.size, 10)
  assert.throws(() => deriveTrainingPart(crops, { labelShare: 0.005, noiseShare: 0 }, 1, true), {
    code: 'invalid_argument',
    message: /use a larger share or more images/,
  })
})
