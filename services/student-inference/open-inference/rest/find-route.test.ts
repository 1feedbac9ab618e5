import assert from 'node:assert/strict'
import test from 'node:test'
import { findRoute } from './find-route.ts'

test('findRoute reads model, version and what is asked of them from the path', () => {
  const cases: [string, string, object][] = [
    ['/v2', 'GET', { kind: 'server' }],
    ['/v2/', 'GET', { kind: 'server' }],
    ['/v2/health/ready?x=1', 'GET', { kind: 'ready' }],
    ['/v2/models/student', 'GET', { kind: 'model', model: 'student', version: '' }],
    ['/v2/models/a%2Fb/versions/student-1/ready', 'GET', { kind: 'model-ready', model: 'a/b', version: 'student-1' }],
    ['/v2/models/student/versions/1/infer', 'POST', { kind: 'infer', model: 'student', version: '1' }],
    ['/v2/models/student/config', 'GET', { kind: 'model-config', model: 'student', version: '' }],
    ['/v2/models/stats', 'GET', { kind: 'all-statistics' }],
    ['/v2/repository/index', 'POST', { kind: 'index' }],
    ['/v2/repository/models/student/unload', 'POST', { kind: 'unload', model: 'student' }],
  ]
  for (const [path, method, route] of cases) assert.deepEqual(findRoute(path), { method, route }, path)
})

test('findRoute knows no other paths, and refuses a name that is not percent-encoded', () => {
  for (const path of ['', '/', '/v1', '/v2/models', '/v2/models/', '/v2/models/a/b', '/v2/__proto__', '/V2']) {
    assert.equal(findRoute(path), undefined, path)
  }
  assert.throws(() => findRoute('/v2/models/%E0%A4%A/infer'), { code: 'invalid_argument', message: /percent-encoded/ })
})
