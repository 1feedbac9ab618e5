import assert from 'node:assert/strict'
import test from 'node:test'
import { findRoute, findTemplate } from './find-route.ts'

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

test('findRoute names the extensions of Triton that are not offered, by any method', () => {
  const cases: [string, RegExp][] = [
    ['/v2/trace/setting', /tracing/],
    ['/v2/models/student/trace/setting', /tracing/],
    ['/v2/models/student/versions/1/trace/setting/', /tracing/],
    ['/v2/logging', /logLevel/],
    ['/v2/systemsharedmemory/status', /shared memory/],
    ['/v2/cudasharedmemory/region/a/register', /shared memory/],
    ['/v2/models/student/generate_stream', /infer/],
  ]
  for (const [path, reason] of cases) {
    const found = findRoute(path)
    assert.ok(found?.method === 'any')
    assert.match(found.notOffered, reason)
  }
})

test('findTemplate leaves names open, so that there are few templates whatever is asked for', () => {
  const cases: [string, string | undefined][] = [
    ['/v2?x=1', '/v2'],
    ['/v2/models/stats', '/v2/models/stats'],
    ['/v2/models/a%2Fb', '/v2/models/{model}'],
    ['/v2/models/versions/versions/models/infer', '/v2/models/{model}/versions/{version}/infer'],
    ['/v2/repository/models/student-1/unload', '/v2/repository/models/{model}/unload'],
    ['/v2/cudasharedmemory/region/a/register', '/v2/cudasharedmemory/region/{region}/register'],
    ['/v2/models/student/trace/setting', '/v2/models/{model}/trace/setting'],
    ['/v2/models/student/anything', undefined],
    ['/nothing', undefined],
  ]
  for (const [target, template] of cases) assert.equal(findTemplate(target), template, target)
})

test('findRoute knows no other paths, and refuses a name that is not percent-encoded', () => {
  for (const path of ['', '/', '/v1', '/v2/models', '/v2/models/', '/v2/models/a/b', '/v2/__proto__', '/V2']) {
    assert.equal(findRoute(path), undefined, path)
  }
  assert.throws(() => findRoute('/v2/models/%E0%A4%A/infer'), { code: 'invalid_argument', message: /percent-encoded/ })
})
