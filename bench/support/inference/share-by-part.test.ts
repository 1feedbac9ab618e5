import assert from 'node:assert/strict'
import test from 'node:test'
import { shareByPart } from './share-by-part.ts'

const node = (id: number, functionName: string, url: string, children: readonly number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
})

test('shareByPart gives native code to the part that called it, and leaves out the time without work', () => {
  const shares = shareByPart({
    nodes: [
      node(1, '(root)', '', [2, 4, 6, 7]),
      node(2, 'submit', 'file:///p/services/student-inference/crop-batcher.ts', [3]),
      node(3, 'set', ''),
      node(4, 'onread', 'node:internal/http2/core', [5]),
      node(5, 'push', 'file:///p/node_modules/@grpc/grpc-js/build/src/call.js'),
      node(6, '(idle)', ''),
      node(7, '(garbage collector)', ''),
    ],
    samples: [3, 3, 2, 4, 5, 6, 6, 6, 7, 1],
  })
  assert.equal(shares.get('batcher and handler'), 3 / 7)
  assert.equal(shares.get('HTTP/2, sockets and streams of Node'), 1 / 7)
  assert.equal(shares.get('grpc-js'), 1 / 7)
  assert.equal(shares.get('garbage collection'), 1 / 7)
  assert.equal(shares.get('other'), 1 / 7)
  assert.equal(shares.get('telemetry'), 0)
})
