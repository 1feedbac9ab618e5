import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { countLayers, countMultiplyAdds, countParameters } from './count-costs.ts'
import { listConvolutions } from './list-convolutions.ts'
import { traceNetwork } from './network.ts'
import { resnet18Network } from './resnet18.ts'
import { studentNetwork } from './student.ts'

test('student has the layers of the paper and 6.43 M parameters within 2 % at 74 M multiply-adds', () => {
  const network = studentNetwork()
  assert.deepEqual(countLayers(network), { convolutions: 10, maxPools: 4, residualBlocks: 3, dense: 2 })
  assert.ok(Math.abs(countParameters(network) / 6.43e6 - 1) < 0.02)
  assert.equal(countParameters(network), 6_377_138)
  assert.equal(countMultiplyAdds(network), 73_573_824)
})

test('student of the other block has the layers of the paper too, and its parameters within 2 % at 77 M multiply-adds', () => {
  const network = studentNetwork({ block: '1x1-3x3-1x1' })
  assert.deepEqual(countLayers(network), { convolutions: 10, maxPools: 4, residualBlocks: 3, dense: 2 })
  assert.ok(Math.abs(countParameters(network) / 6.43e6 - 1) < 0.02)
  assert.equal(countParameters(network), 6_319_874)
  assert.equal(countMultiplyAdds(network), 77_283_712)
})

test('convolutions are listed with the maps that they read', () => {
  const list = listConvolutions(studentNetwork({ block: '1x1-3x3-1x1' }))
  const lines = list.map(
    ({ name, sidePx, kernel, inChannels, outChannels }) => `${name} ${sidePx} ${kernel} ${inChannels} ${outChannels}`,
  )
  assert.deepEqual(lines, [
    'stem 50 3 1 128',
    'block1.first 25 1 128 32',
    'block1.second 25 3 32 32',
    'block1.third 25 1 32 128',
    'block2.first 12 1 128 64',
    'block2.second 12 3 64 64',
    'block2.third 12 1 64 128',
    'block3.first 3 1 128 816',
    'block3.second 3 3 816 816',
    'block3.third 3 1 816 128',
  ])
})

test('student halves its maps from 50 to 3 pixels', () => {
  const sizes = traceNetwork(studentNetwork()).map(({ output }) => output.width)
  assert.deepEqual([...new Set(sizes)], [25, 12, 6, 3, 1])
})

test('ResNet-18 has the parameters of its paper less the first layer and the head', () => {
  // 11,689,512 for three input channels and 1,000 classes.
  assert.equal(countParameters(resnet18Network()), 11_689_512 - 2 * 64 * 49 - 513 * 1000 + 513 * 2)
  assert.equal(countLayers(resnet18Network()).convolutions, 20)
})

test('multiply-adds of one convolution and one fully connected layer are counted by hand', () => {
  const network = {
    name: 'tiny',
    layers: [
      { kind: 'convolution', name: 'a', channels: 16, kernel: 3, stride: 2, padding: 1 },
      { kind: 'globalAveragePool', name: 'b' },
      { kind: 'dense', name: 'c', units: 2 },
    ],
  } as const
  assert.equal(countMultiplyAdds(network, 10), 9 * 16 * 25 + 16 * 2)
  assert.equal(countParameters(network, 10), 9 * 16 + 2 * 16 + 16 * 2 + 2)
})

test('network that does not fit together is refused by the name of the layer', () => {
  const pool = { kind: 'maxPool', kernel: 2, stride: 2, padding: 0 } as const
  const tooMany = { name: 'deep', layers: ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ({ ...pool, name })) }
  assert.throws(
    () => traceNetwork(tooMany),
    (error) => error instanceof PelletlineError && /after f: pool less/.test(error.message),
  )
})
