import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { describeModelStore } from '../../services/shared/onnx/store/test-support/describe-model-store.ts'
import { modelDirectory } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { signatureOf } from '../support/check-signature.ts'
import { createCertificate } from '../support/create-certificate.ts'
import { startS3Store } from '../support/s3-store.ts'

type Stand = Awaited<ReturnType<typeof startS3Store>>

describeModelStore('a bucket', async () => {
  const stand = await startS3Store()
  const names = new Set<string>()
  return {
    open: () => stand.open(),
    async put(name, bytes) {
      names.add(name)
      await stand.put(name, bytes)
    },
    async clear() {
      for (const name of names) await stand.server.remove(`plant/models/${name}`)
      names.clear()
    },
    close: () => stand.close(),
  }
})

describe('a bucket of models', () => {
  let stand: Stand
  before(async () => {
    stand = await startS3Store()
    for (const id of ['a', 'b']) {
      await stand.put(`${id}.onnx`, `weights of ${id}`)
      await stand.put(`${id}.manifest.json`, '{}')
    }
    await stand.put('older/c.onnx', 'below')
    await stand.server.put('d.onnx', 'above')
  })
  beforeEach(() => {
    stand.gate.passed.length = 0
    stand.gate.faults.length = 0
    stand.gate.denied.length = 0
  })
  after(() => stand.close())

  /** What the gate lets through is signed right only if the gate is. */
  it('is read by requests that are signed as the manual of S3 has it', async () => {
    const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    const headers = {
      host: 'examplebucket.s3.amazonaws.com',
      'x-amz-content-sha256': empty,
      'x-amz-date': '20130524T000000Z',
    }
    const signed = { day: '20130524', region: 'us-east-1', signedHeaders: 'host;x-amz-content-sha256;x-amz-date' }
    const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'
    const example = signatureOf({ method: 'GET', target: '/?max-keys=2&prefix=J', headers }, { ...signed, secret })
    assert.equal(example, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7')
    assert.equal((await stand.open().open('a')).toString(), 'weights of a')
    assert.deepEqual(stand.gate.passed, ['/models/plant/models/a.onnx'])
  })

  it('is that of its prefix, without what lies above and below; the whole bucket where there is none', async () => {
    assert.deepEqual(await stand.open().list(), ['a', 'b'])
    assert.deepEqual(await stand.open({ prefix: 'plant/models/' }).list(), ['a', 'b'])
    assert.deepEqual(await stand.open({ prefix: '' }).list(), ['d'])
    assert.equal((await stand.open({ prefix: '' }).open('d')).toString(), 'above')
    assert.equal(stand.open({ prefix: '' }).nameOf('d'), 's3://models/d.onnx')
  })

  it('is listed page by page', async () => {
    const ids = Array.from({ length: 1100 }, (_, i) => `m${String(i).padStart(4, '0')}`)
    for (let i = 0; i < ids.length; i += 50) {
      await Promise.all(ids.slice(i, i + 50).map((id) => stand.server.put(`many/${id}.onnx`, 'x')))
    }
    assert.deepEqual(await stand.open({ prefix: 'many' }).list(), ids.slice(0, 1000))
    assert.equal(stand.gate.passed.filter((path) => path.includes('continuation-token=')).length, 1)
  })

  it('is asked once for all models while nothing changes', async () => {
    const store = stand.open()
    const look = async () => {
      const before = stand.gate.passed.length
      for (const id of await store.list()) await store.describe(id, undefined, true)
      return stand.gate.passed.length - before
    }
    assert.deepEqual([await look(), await look(), await look()], [3, 1, 1])
    await stand.put('b.manifest.json', '{ }')
    assert.deepEqual([await look(), await look()], [2, 1])
  })

  it('is asked again where it is overloaded or a connection is lost, and no more often than is said', async () => {
    const { gate } = stand
    for (const status of [429, 500, 502, 503, 504]) {
      gate.faults.push({ kind: 'status', status }, { kind: 'cut' })
      assert.equal((await stand.open().open('a')).toString(), 'weights of a')
    }
    assert.equal(gate.passed.length, 15)
    gate.faults.push(...Array.from({ length: 9 }, () => ({ kind: 'status', status: 503 }) as const))
    const store = stand.open({ attempts: 3 })
    await assert.rejects(store.open('a'), {
      code: 'unavailable',
      retryable: true,
      message: /does not give s3:.* \(status 503\)/,
    })
    assert.equal(gate.faults.length, 6)
  })

  it('is not asked again for what another attempt would not mend', async () => {
    for (const status of [400, 409, 501]) {
      stand.gate.faults.push({ kind: 'status', status })
      await assert.rejects(stand.open().open('a'), {
        code: 'failed_precondition',
        message: new RegExp(`status ${status}`),
      })
    }
    assert.equal(stand.gate.passed.length, 3)
  })

  it('says that a body was shorter than stated', async () => {
    stand.gate.faults.push({ kind: 'cut' })
    const refusal = { code: 'unavailable', message: /a\.onnx ended after 6 of 12 bytes: the connection was lost/ }
    await assert.rejects(stand.open({ attempts: 1 }).open('a'), refusal)
  })

  it('says that a request took too long, once', async () => {
    stand.gate.faults.push({ kind: 'silent' })
    const refusal = { code: 'deadline_exceeded', message: /a\.onnx was not read within 60 ms; check the network/ }
    await assert.rejects(stand.open({ timeoutMs: 60 }).open('a'), refusal)
    assert.equal(stand.gate.passed.length, 1)
  })

  it('ends a request, and a pause between two, with the one who asked', async () => {
    for (const fault of [
      { kind: 'silent' },
      { kind: 'status', status: 503, headers: { 'retry-after': '5' } },
    ] as const) {
      stand.gate.faults.push(fault)
      const asking = new AbortController()
      const opening = stand.open().open('a', asking.signal)
      const ended = assert.rejects(opening, { code: 'cancelled' })
      while (stand.gate.faults.length > 0) await new Promise((resolve) => setImmediate(resolve))
      asking.abort()
      await ended
    }
  })

  it('refuses a model that is larger than allowed', async () => {
    await stand.put('large.onnx', new Uint8Array(2000))
    const refusal = { code: 'failed_precondition', message: /large\.onnx has 2000 bytes; at most 1024 are read/ }
    await assert.rejects(stand.open({ maxModelBytes: 1024 }).open('large'), refusal)
    await stand.server.remove('plant/models/large.onnx')
  })

  it('says that there is no such bucket', async () => {
    const refusal = {
      code: 'not_found',
      message: /^There is no bucket no-such-bucket at http:\/\/127.*correct the bucket/,
    }
    await assert.rejects(stand.open({ bucket: 'no-such-bucket' }).list(), refusal)
    await assert.rejects(stand.open({ bucket: 'no-such-bucket' }).open('a'), refusal)
  })

  it('says that access is denied, whose, and what is to be given', async () => {
    stand.gate.denied.push('/models/plant')
    const refusal = {
      code: 'failed_precondition',
      message:
        /^Access key plant-reader may not read s3:\/\/models\/plant\/models\/a\.onnx .*give it s3:ListBucket on models and s3:GetObject/,
    }
    await assert.rejects(stand.open().open('a'), refusal)
  })

  it('says that credentials are not accepted, and where they come from', async () => {
    const wrong = join(stand.folder, 'wrong')
    await writeFile(wrong, 'another')
    for (const changes of [{ secretAccessKeyFile: wrong }, { accessKeyId: 'nobody' }]) {
      const message =
        /does not accept the credentials of access key (plant-reader|nobody) .*check accessKeyId and secretAccessKeyFile/
      await assert.rejects(stand.open(changes).list(), { code: 'failed_precondition', message })
    }
    const missing = { code: 'failed_precondition', message: /secretAccessKeyFile .*ENOENT/ }
    await assert.rejects(stand.open({ secretAccessKeyFile: join(stand.folder, 'none') }).list(), missing)
    const half = {
      code: 'failed_precondition',
      message: /has no credentials; set accessKeyId and secretAccessKeyFile, both/,
    }
    await assert.rejects(stand.open({ secretAccessKeyFile: undefined }).list(), half)
  })

  it('reads its secret anew, so that a changed one needs no restart', async () => {
    const file = join(stand.folder, 'rotated')
    await writeFile(file, 'old')
    const store = stand.open({ secretAccessKeyFile: file })
    await assert.rejects(store.list(), { code: 'failed_precondition' })
    await writeFile(file, await readFile(join(stand.folder, 'secret')))
    assert.deepEqual(await store.list(), ['a', 'b'])
  })

  it('names the region in which the bucket lies', async () => {
    const refusal = {
      code: 'failed_precondition',
      message: /lies in region eu-central-1, and us-east-1 was asked; set region: eu-central-1/,
    }
    await assert.rejects(stand.open({ region: 'us-east-1' }).list(), refusal)
  })

  it('says that the endpoint cannot be reached', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => free.once('listening', resolve))
    const { port } = free.address() as { port: number }
    await new Promise((resolve) => free.close(resolve))
    const endpoint = `http://127.0.0.1:${port}`
    const refusal = { code: 'unavailable', message: /cannot be reached for .*\(ECONNREFUSED\); check endpoint/ }
    await assert.rejects(stand.open({ endpoint, attempts: 1 }).list(), refusal)
  })

  it('says that what answers is no S3 store', async () => {
    stand.gate.faults.push({ kind: 'status', status: 200 }, { kind: 'status', status: 404 })
    const refusal = {
      code: 'failed_precondition',
      message: /does not answer as S3 does for the list of s3:.*check endpoint/,
    }
    await assert.rejects(stand.open().list(), refusal)
    await assert.rejects(stand.open().list(), refusal)
  })
})

describe('a bucket of models behind TLS', () => {
  it('is read where the authority is known, and refused where it is not', async () => {
    const directory = await modelDirectory()
    try {
      const { keystoreFile, keystorePassword, caFile } = await createCertificate(directory.path)
      const stand = await startS3Store({ pfx: await readFile(keystoreFile), passphrase: keystorePassword })
      try {
        await stand.put('a.onnx', 'weights of a')
        assert.deepEqual(await stand.open({ tls: { caFile } }).list(), ['a'])
        const refusal = {
          code: 'failed_precondition',
          message: /no trusted connection to https:.*tls\.caFile names its authority/,
        }
        await assert.rejects(stand.open().list(), refusal)
      } finally {
        await stand.close()
      }
    } finally {
      await directory.remove()
    }
  })
})
