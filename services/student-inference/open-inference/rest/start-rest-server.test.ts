import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import test from 'node:test'
import { deflateSync, gzipSync } from 'node:zlib'
import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { silentLogger } from '../../../shared/telemetry/logger.ts'
import { input, json, level, serveRest as serve } from '../test-support/serve-rest.ts'
import { startRestServer } from './start-rest-server.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** A request with its tensors after the JSON, and the header that says where they begin. */
function binary(header: object, ...tensors: readonly Uint8Array[]) {
  const head = Buffer.from(JSON.stringify(header))
  return {
    body: Buffer.concat([head, ...tensors]),
    headers: { 'inference-header-content-length': String(head.length) },
  }
}

test('REST infer takes JSON, flat or nested, and echoes id and parameters', async (t) => {
  const { infer } = await serve(t)
  const nested = [[[...Array(50)].map(() => new Array(50).fill(7))]]
  for (const data of [level(7), nested]) {
    const answer = await infer(
      json({ inputs: [input({ data })], id: 'r1', parameters: { lot: 'L1', timeout: 9_000_000 } }),
    )
    assert.equal(answer.status, 200)
    assert.deepEqual(answer.json(), {
      model_name: 'student',
      model_version: 'b',
      id: 'r1',
      parameters: { lot: 'L1', timeout: 9_000_000 },
      outputs: [{ name: 'logits', datatype: 'FP32', shape: [1, 2], data: [0, 7] }],
    })
  }
})

test('REST infer takes binary tensors and answers binary where that is asked for', async (t) => {
  const { infer } = await serve(t)
  const inputs = [input({ shape: [2, 1, 50, 50], parameters: { binary_data_size: 5000 } })]
  const tensor = Uint8Array.from([...level(3), ...level(4)])
  const all = binary({ inputs, parameters: { binary_data_output: true } }, tensor)
  const one = binary({ inputs, outputs: [{ name: 'logits', parameters: { binary_data: true } }] }, tensor)
  for (const { body, headers } of [all, one]) {
    const answer = await infer(body, headers)
    assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
    const length = Number(answer.headers.get('inference-header-content-length'))
    const head = JSON.parse(Buffer.from(answer.body.subarray(0, length)).toString())
    assert.deepEqual(head.outputs[0].parameters, { binary_data_size: 16 })
    assert.deepEqual([...new Float32Array(answer.body.slice(length).buffer)], [0, 3, 0, 4])
  }
  const overridden = {
    inputs,
    parameters: { binary_data_output: true },
    outputs: [{ name: 'logits', parameters: { binary_data: false } }],
  }
  const plain = binary(overridden, tensor)
  assert.deepEqual((await infer(plain.body, plain.headers)).json().outputs[0].data, [0, 3, 0, 4])
})

test('REST infer takes bare crops after an empty header, as many as there are', async (t) => {
  const { infer } = await serve(t)
  const bare = { 'inference-header-content-length': '0' }
  const answer = await infer(Uint8Array.from(level(9, 3)), bare)
  assert.deepEqual(answer.json().outputs[0], {
    name: 'logits',
    datatype: 'FP32',
    shape: [3, 2],
    data: [0, 9, 0, 9, 0, 9],
  })
  for (const length of [0, 2499, 5001]) {
    const refused = await infer(new Uint8Array(length), bare)
    assert.equal(refused.status, 400)
    assert.match(refused.json().error, /an item of pellet has 2500/)
  }
})

test('REST infer takes gzip and deflate, and refuses what unpacks beyond the bound or is not what it says', async (t) => {
  const { infer } = await serve(t)
  for (const [encoding, pack] of [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const) {
    assert.equal((await infer(pack(json()), { 'content-encoding': encoding })).status, 200)
    assert.equal((await infer(pack(new Uint8Array(50_000_000)), { 'content-encoding': encoding })).status, 413)
    assert.equal((await infer('not packed', { 'content-encoding': encoding })).status, 400)
  }
  assert.equal((await infer(json(), { 'content-encoding': 'br' })).status, 415)
})

test('REST infer answers bad bodies with 400, the field and what would be right, and the model sees none of them', async (t) => {
  const { infer, models } = await serve(t)
  const cases: [string, RegExp][] = [
    ['', /not JSON/],
    ['{', /not JSON/],
    ['[]', /body: it is no JSON object/],
    ['{}', /"pellet" is there 0 times/],
    [json({ id: 7 }), /id: it is no text/],
    [json({ id: 'x'.repeat(1025) }), /id: 1025 bytes; at most 1024 are taken/],
    [json({ parameters: { a: 'x'.repeat(4096) } }), /parameters: 4097 bytes of names and values; at most 4096/],
    [json({ inputs: {} }), /inputs: it is no list/],
    [json({ inputs: [7] }), /inputs: it is no JSON object/],
    [json({ inputs: [{}] }), /inputs\.name: it is no text/],
    [json({ inputs: [input()] }), /pellet: it has no data/],
    [json({ inputs: [input({ data: level(256) })] }), /element 0 is 256/],
    [json({ inputs: [input({ data: level(7).with(9, null as never) })] }), /element 9 is no number/],
    [json({ inputs: [input({ data: level(7).slice(1) })] }), /2499 elements/],
    [json({ inputs: [input({ data: [level(7)] })] }), /its nesting is not that of its shape/],
    [json({ inputs: [input({ shape: [1.5, 1, 50, 50], data: [] })] }), /no whole number/],
    [json({ inputs: [input({ shape: [-1, 1, 50, 50], data: [] })] }), /from 1 to 4096/],
    [json({ inputs: [input({ shape: '1', data: [] })] }), /shape: it is no list/],
    [json({ inputs: [input({ shape: new Array(9).fill(1), data: [] })] }), /9 dimensions; at most 8/],
    [json({ inputs: [input({ parameters: { binary_data_size: 'x'.repeat(9000) } })] }), /^inputs.{1,180}$/],
    [json({ inputs: [input({ data: [], parameters: { binary_data_size: 1 } })] }), /give one of them/],
    [json({ inputs: [input({ parameters: { binary_data_size: 2500 } })] }), /2500; 0 bytes follow the JSON/],
    [json({ inputs: [input({ parameters: { binary_data_size: -1 } })] }), /give a whole number of bytes/],
    [json({ parameters: { a: {} } }), /parameters\.a: it is no text, number or truth value/],
    [json({ parameters: { timeout: 'soon' } }), /timeout: it is no number/],
    [json({ outputs: [{ name: 'x' }] }), /no output "x"/],
    [json({ outputs: [{}] }), /outputs\.name/],
  ]
  for (const [body, message] of cases) {
    const answer = await infer(body)
    assert.equal(answer.status, 400, body.slice(0, 80))
    assert.match(answer.json().error, message)
  }
  assert.equal((await infer(Uint8Array.of(0xff, 0xfe))).status, 400)
  const surplus = binary({ inputs: [input({ parameters: { binary_data_size: 2500 } })] }, new Uint8Array(2501))
  assert.match((await infer(surplus.body, surplus.headers)).json().error, /1 bytes after the JSON belong to no input/)
  for (const length of ['-1', '1e3', 'x', '99999999']) {
    assert.equal((await infer(json(), { 'inference-header-content-length': length })).status, 400)
  }
  assert.equal(models.runs.length, 0)
})

test('REST loads a model as it lies in the store, and refuses to have other files or settings instead', async (t) => {
  const loaded: string[] = []
  const control = { load: async (name: string) => void loaded.push(name), unload: async () => {} }
  const repository = () => [{ name: 'x', version: 'x', state: 'UNAVAILABLE' as const, reason: 'in the store' }]
  const { ask } = await serve(t, { control, repository })
  const load = (body?: string) =>
    ask('/v2/repository/models/x/load', { method: 'POST', ...(body === undefined ? {} : { body }) })
  for (const body of [undefined, '{}', '{"parameters":{}}']) assert.equal((await load(body)).status, 200)
  assert.deepEqual(loaded, ['x', 'x', 'x'])
  const refused = await load('{"parameters":{"config":"{}","file:1/model.onnx":"AAAA"}}')
  assert.equal(refused.status, 501)
  assert.match(refused.json().error, /"config", "file:1\/model\.onnx": a model is loaded as it lies in the store/)
  assert.deepEqual([(await load('{"parameters":[]}')).status, (await load('{')).status], [400, 400])
  assert.equal(loaded.length, 3)
  assert.deepEqual((await ask('/v2/repository/index', { method: 'POST' })).json().at(-1), repository()[0])
})

test('REST answers health, readiness, metadata, configuration, statistics and index in numbers and texts as Triton does', async (t) => {
  const { ask } = await serve(t)
  assert.deepEqual((await ask('/v2/health/live')).json(), { live: true })
  assert.deepEqual((await ask('/v2/models/student/ready')).json(), { name: 'student', ready: true })
  const server = (await ask('/v2')).json()
  assert.ok(server.name === 'pelletline' && server.extensions.includes('binary_tensor_data'))
  assert.deepEqual((await ask('/v2/models/student/versions/a')).json(), {
    name: 'student',
    versions: ['a', 'b'],
    platform: 'fake',
    inputs: [{ name: 'pellet', datatype: 'UINT8', shape: [-1, 1, 50, 50] }],
    outputs: [{ name: 'logits', datatype: 'FP32', shape: [-1, 2] }],
  })
  const config = (await ask('/v2/models/student/config')).json()
  assert.deepEqual(config.input, [{ name: 'pellet', data_type: 'TYPE_UINT8', dims: [1, 50, 50] }])
  assert.deepEqual([config.max_batch_size, config.parameters], [4096, { sha256: { string_value: 'ab' } }])
  for (const path of ['/v2/models/stats', '/v2/models/student/stats']) {
    const [stats] = (await ask(path)).json().model_stats
    assert.deepEqual([stats.version, stats.inference_count, stats.execution_count], ['b', 7, 3])
    assert.deepEqual(stats.inference_stats.success, { count: 3, ns: 30 })
  }
  const index = await ask('/v2/repository/index', { method: 'POST', body: '{"ready":true}' })
  assert.deepEqual(index.json(), [{ name: 'student', version: 'b', state: 'READY', reason: '' }])
})

test('REST answers 404, 405 and 501 where there is nothing, and 503 with the wait while the model loads', async (t) => {
  const { ask } = await serve(t)
  assert.equal((await ask('/v3')).status, 404)
  assert.match((await ask('/v2/models/nobody')).json().error, /There is no nobody/)
  const wrong = await ask('/v2/models/student/infer')
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST'])
  assert.equal((await ask('/v2/repository/models/student/load', { method: 'POST' })).status, 501)
  const loading = await serve(t, { ready: () => false })
  assert.deepEqual(
    [(await loading.ask('/v2/health/ready')).status, (await loading.ask('/v2/models/student/ready')).status],
    [503, 503],
  )
  const infer = await loading.infer(json())
  assert.deepEqual([infer.status, infer.headers.get('retry-after')], [503, '2'])
})

test('REST takes at most 4 MiB of JSON, which holds the event loop while it is parsed, and points to binary data', async (t) => {
  const { infer, models } = await serve(t, {}, { maxBodyBytes: 6_000_000 })
  const answer = await infer(
    json({ inputs: [input({ data: level(0), parameters: { padding: ' '.repeat(4_500_000) } })] }),
  )
  assert.equal(answer.status, 400)
  assert.match(answer.json().error, /bytes of JSON; at most 4194304 are taken: send the tensor as binary data/)
  assert.equal(models.runs.length, 0)
})

test('REST refuses a body beyond the bound, announced or not, and answers the next request', async (t) => {
  const { server, infer } = await serve(t)
  const large = await infer(new Uint8Array(100_001))
  assert.equal(large.status, 413)
  assert.match(large.json().error, /At most 100000 bytes/)
  const chunked = await fetch(`http://${server.address}/v2/models/student/infer`, {
    method: 'POST',
    duplex: 'half',
    body: new ReadableStream({
      start(controller) {
        for (let i = 0; i < 30; i += 1) controller.enqueue(new Uint8Array(10_000))
        controller.close()
      },
    }),
  } as RequestInit)
  assert.equal(chunked.status, 413)
  assert.equal((await infer(json())).status, 200)
})

test('REST tells a caller that asks first before it sends a body that is too large', async (t) => {
  const { server } = await serve(t)
  const headers = { expect: '100-continue', 'content-length': 100_000_000 }
  const request = sendRequest(`http://${server.address}/v2/models/student/infer`, { method: 'POST', headers })
  request.on('continue', () => assert.fail('it was told to go on'))
  request.flushHeaders()
  const [response] = await once(request, 'response')
  assert.equal(response.statusCode, 413)
  request.destroy()
})

test('REST counts what packed bodies unpack to as it grows, however many come at once', async (t) => {
  const { infer } = await serve(t, {}, { maxBodyBytes: 4_000_000 })
  const packed = gzipSync(new Uint8Array(4_000_000))
  const statuses = await Promise.all(
    Array.from({ length: 24 }, async () => (await infer(packed, { 'content-encoding': 'gzip' })).status),
  )
  assert.ok(statuses.includes(429), `${statuses}`)
  assert.equal((await infer(json())).status, 200)
})

test('REST holds no more than eight bodies of the bound at once, and says when to come again', async (t) => {
  const { server, models } = await serve(t, { manual: true }, { maxBodyBytes: 10_000 })
  const bare = { 'inference-header-content-length': '0' }
  const url = `http://${server.address}/v2/models/student/infer`
  const post = () => fetch(url, { method: 'POST', headers: bare, body: new Uint8Array(10_000) })
  const waiting = Array.from({ length: 8 }, post)
  while (models.runs.length < 8) await settled()
  const refused = await post()
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '1'])
  for (const run of models.runs) run.finish()
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 200)
  const again = post()
  while (models.runs.length < 9) await settled()
  models.runs[8]!.finish()
  assert.equal((await again).status, 200)
})

test('REST refuses a body that does not come to its end in time, and bytes that are no HTTP', async (t) => {
  const { server } = await serve(t, {}, { requestTimeoutMs: 50 })
  const port = Number(server.address.split(':')[1])
  const late = connect(port, '127.0.0.1')
  late.write('POST /v2/models/student/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"in')
  assert.match(await text(late), /^HTTP\/1\.1 408 [\s\S]*{"error":"The request did not come to its end in time/)
  const other = connect(port, '127.0.0.1')
  other.write('hello\r\n\r\n')
  assert.match(await text(other), /^HTTP\/1\.1 400 [\s\S]*{"error":"This is no HTTP request/)
})

test('REST lets go of a caller that neither reads its refusal nor stops sending', async (t) => {
  const { server } = await serve(t, {}, { requestTimeoutMs: 50 })
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  socket.on('error', () => {})
  socket.write('POST /v2/models/student/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n')
  const trickle = setInterval(() => socket.write(' '), 20)
  t.after(() => clearInterval(trickle))
  await new Promise((resolve) => socket.once('close', resolve))
})

test('REST says what is wrong with the second request of a connection as with the first', async (t) => {
  const { server } = await serve(t)
  const socket = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  socket.write('GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(socket, 'data')
  socket.write('hello\r\n\r\n')
  assert.match(await text(socket), /HTTP\/1\.1 400 [\s\S]*{"error":"This is no HTTP request/)
})

test('REST cuts a connection that is silent, and not one whose caller waits for its answer', async (t) => {
  const { infer, models, server } = await serve(t, { manual: true }, { silenceLimitMs: 100 })
  const answer = infer(json())
  const silent = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  await once(silent, 'close')
  await new Promise((resolve) => setTimeout(resolve, 300))
  models.runs[0]!.finish()
  assert.equal((await answer).status, 200)
})

test('REST cancels what a caller asked for once it has gone', async (t) => {
  const { infer, models, server } = await serve(t, { manual: true })
  const caller = new AbortController()
  const gone = fetch(`http://${server.address}/v2/models/student/infer`, {
    method: 'POST',
    body: json(),
    signal: caller.signal,
  })
  while (models.runs.length < 1) await settled()
  caller.abort()
  await assert.rejects(gone)
  while (!models.runs[0]!.options.signal.aborted) await settled()
  const next = infer(json())
  while (models.runs.length < 2) await settled()
  models.runs[1]!.finish()
  assert.equal((await next).status, 200)
})

test('REST says with 429 and the wait that the queue is full, and with 504 that the timeout of the request has passed', async (t) => {
  const { infer, models } = await serve(t, { manual: true })
  const full = infer(json())
  while (models.runs.length < 1) await settled()
  models.runs[0]!.fail(new PelletlineError('resource_exhausted', 'Full.', { retryAfterMs: 20 }))
  const answer = await full
  assert.deepEqual([answer.status, answer.headers.get('retry-after'), answer.json()], [429, '1', { error: 'Full.' }])
  assert.equal((await infer(json({ parameters: { timeout: 1000 } }))).status, 504)
})

test('REST drain finishes what is in hand, and aborts as unavailable what does not end in time', async (t) => {
  const { infer, models, server } = await serve(t, { manual: true })
  const finished = infer(json())
  while (models.runs.length < 1) await settled()
  const drained = server.drain(5000)
  models.runs[0]!.finish()
  assert.equal((await finished).status, 200)
  await drained
  const other = await serve(t, { manual: true })
  const stuck = other.infer(json())
  while (other.models.runs.length < 1) await settled()
  const end = other.server.drain(20)
  assert.equal((await stuck).status, 503)
  await end
  await assert.rejects(other.infer(json()))
})

test('REST drain does not wait for a connection that has sent nothing', async (t) => {
  const { server, ask } = await serve(t)
  const silent = connect(Number(server.address.split(':')[1]), '127.0.0.1')
  const closed = once(silent, 'close')
  await once(silent, 'connect')
  await ask('/v2/health/live')
  await Promise.all([server.drain(2 ** 31 - 1), closed])
})

test('REST says of the settings and extensions of Triton that they are not offered, by every method', async (t) => {
  const { ask } = await serve(t)
  for (const method of ['GET', 'POST']) {
    for (const path of ['trace/setting', 'models/student/trace/setting', 'logging', 'systemsharedmemory/status']) {
      const answer = await ask(`/v2/${path}`, { method, ...(method === 'POST' ? { body: '{}' } : {}) })
      assert.equal(answer.status, 501, path)
      assert.match(answer.json().error, /not offered; /)
    }
  }
})

test('REST names the key of an address that is taken', async (t) => {
  const { server, models } = await serve(t)
  const second = { listen: server.address, models, maxBodyBytes: 1, logger: silentLogger }
  await assert.rejects(startRestServer(second), { code: 'failed_precondition', message: /in use.*restListen/ })
})
