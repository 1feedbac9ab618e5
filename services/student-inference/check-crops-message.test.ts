import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import type { CropsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { SpeckColumnsSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { checkCropsMessage, judgedPositions } from './check-crops-message.ts'
import { cropsMessage } from './test-support/crops-message.ts'

function violationsOf(change: (message: CropsMessage) => void): string[] {
  const message = cropsMessage({ levels: [1, undefined, 2] })
  change(message)
  try {
    checkCropsMessage(message)
    return []
  } catch (error) {
    assert.ok(error instanceof PelletlineError)
    assert.equal(error.code, 'invalid_argument')
    assert.equal(error.retryable, false)
    return error.violations.map(({ field }) => field)
  }
}

test('checkCropsMessage takes a consistent part, an empty one, and one whose strip had pellets shed', () => {
  assert.deepEqual(
    violationsOf(() => {}),
    [],
  )
  checkCropsMessage(cropsMessage())
  const shed = cropsMessage({ levels: [1] })
  shed.reconciliation!.found = 5n
  shed.reconciliation!.shed = 4n
  checkCropsMessage(shed)
})

test('checkCropsMessage names every column whose length differs', () => {
  const found = violationsOf((message) => {
    message.pellets!.meanGray.pop()
    message.pellets!.y.push(0n)
  })
  assert.deepEqual(found, ['pellets.y', 'pellets.meanGray'])
})

test('checkCropsMessage takes measures and specks of all pellets or of none, and names those that fit no pellet', () => {
  const measured = (message: CropsMessage) => {
    Object.assign(message.pellets!, { speckCount: [1, 0, 2], speckAreaPx: [4, 0, 9] })
    message.specks = create(SpeckColumnsSchema, {
      pellet: [0, 2, 2],
      areaPx: [4, 5, 4],
      equivalentDiameterPx: [2.3, 2.5, 2.3],
      contrast: [0.5, 0.4, 0.3],
      x: [3, 9, 12],
      y: [4, 20, 8],
      atRim: [0, 1, 0],
    })
  }
  assert.deepEqual(violationsOf(measured), [])
  const found = violationsOf((message) => {
    measured(message)
    message.specks!.pellet[2] = 3
    message.pellets!.feretWidthPx = [28]
  })
  assert.deepEqual(found, ['pellets.feretWidthPx', 'specks.pellet'])
})

test('checkCropsMessage refuses pixels that do not fit the pellets with a crop', () => {
  assert.deepEqual(
    violationsOf((message) => {
      message.crops = message.crops.subarray(1)
    }),
    ['crops'],
  )
})

test('checkCropsMessage refuses counts that the pellets contradict', () => {
  assert.deepEqual(
    violationsOf((message) => {
      message.reconciliation!.found = 4n
      message.reconciliation!.notJudged = 0n
    }),
    ['reconciliation.found', 'reconciliation.not_judged'],
  )
})

test('checkCropsMessage refuses a part beyond the last and a header without a recipe version', () => {
  assert.deepEqual(
    violationsOf((message) => {
      message.part = 1
      message.header!.recipeVersion = 0
    }),
    ['part', 'header.recipe'],
  )
})

test('judgedPositions are those of the pellets that have a crop', () => {
  assert.deepEqual(judgedPositions(cropsMessage({ levels: [1, undefined, 2] })), [0, 2])
})
