import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resnet18Network } from '../networks/resnet18.ts'
import { studentNetwork } from '../networks/student.ts'
import { checkChannels } from './check-channels.ts'
import { parseTrainConfig } from './train-config.ts'

test('widths that no machine can train are refused by the configuration, with the valid multiples', () => {
  for (const widths of [
    [4, 16, 16, 16],
    [16, 16, 16, 0],
    [16, -16, 16, 16],
  ]) {
    assert.throws(() => parseTrainConfig({ widths }), { code: 'invalid_argument', message: /widths.*multiples of 8/s })
  }
  assert.deepEqual(parseTrainConfig({ widths: [8, 16, 24, 32] }).widths, [8, 16, 24, 32])
})

test("widths that do not fill the runtime's blocks are refused with the layer and the multiples valid on this machine", () => {
  const network = studentNetwork({ widths: [16, 24, 32, 32] })
  const refusal = { code: 'invalid_argument', message: /layer stem2 of student has 24 channels.*multiples of 16/ }
  assert.throws(() => checkChannels(network, { real: 'float32', blockSize: 16 }), refusal)
  checkChannels(network, { real: 'float32', blockSize: 8 })
  checkChannels(network, { real: 'float32', blockSize: 1 })
})

test('the networks as they are fit the blocks of every machine', () => {
  for (const network of [studentNetwork(), resnet18Network()])
    checkChannels(network, { real: 'float32', blockSize: 16 })
})
