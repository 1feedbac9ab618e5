import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { countLayers, countMultiplyAdds, countParameters } from './count-costs.ts'
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
