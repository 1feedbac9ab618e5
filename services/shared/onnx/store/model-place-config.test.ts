import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseConfig } from '../../config/load-config.ts'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { bucketOf, modelPlaceSchema } from './model-place-config.ts'
import { openModelStore } from './open-model-store.ts'

const parse = (place: unknown) => parseConfig(modelPlaceSchema, place, 'a.yaml')

function refusalOf(place: unknown): string {
  try {
    parse(place)
  } catch (error) {
    return PelletlineError.from(error).message
  }
  return assert.fail(`${JSON.stringify(place)} was taken`)
}

describe('the place of models', () => {
  it('is a folder, as ever', () => {
    for (const folder of ['models', '/var/lib/models', './s3/models', 'S3']) {
      assert.equal(bucketOf(parse(folder)), undefined)
      assert.equal(openModelStore(parse(folder)).place, folder)
    }
  })

  it('is a bucket by its address or with all there is to say of it', () => {
    const limits = { timeoutMs: 60_000, attempts: 4, maxModelBytes: 536_870_912 }
    assert.deepEqual(bucketOf(parse('s3://plant-1')), { bucket: 'plant-1', prefix: '', ...limits })
    assert.deepEqual(bucketOf(parse('s3://plant-1/a/b/')), { bucket: 'plant-1', prefix: 'a/b/', ...limits })
    assert.deepEqual(bucketOf(parse({ bucket: 'plant-1' })), { bucket: 'plant-1', prefix: '', ...limits })
  })

  it('is refused by the key that is wrong', () => {
    for (const address of [
      's3://',
      's3:///a',
      's3://Bucket',
      's3://plant-1/../other',
      's3://plant-1/a//b',
      's3://plant-1/a?b',
    ]) {
      assert.match(refusalOf(address), /valid is: a folder, or s3:\/\/BUCKET\/PREFIX/, address)
    }
    const wrong = { bucket: 'x', endpoint: 'store:9000', secretAccessKey: 'no', timeoutMs: 0 }
    const text = refusalOf(wrong)
    for (const key of ['bucket', 'endpoint', 'secretAccessKey', 'timeoutMs'])
      assert.match(text, new RegExp(`  ${key}: `), text)
  })

  it('is refused where it says whom to trust and has no TLS, or its authorities cannot be read', () => {
    const tls = { caFile: '/none/store-ca.crt' }
    const open = (endpoint: string) => openModelStore(parse({ bucket: 'plant-1', endpoint, tls }))
    const plain = /its endpoint http:\/\/store:9000 has no TLS; give an endpoint of https, or leave tls out/
    assert.throws(() => open('http://store:9000'), { code: 'invalid_argument', message: plain })
    const unread = /tls\.caFile of the model store, \/none\/store-ca\.crt, cannot be read/
    assert.throws(() => open('https://store:9000'), { code: 'failed_precondition', message: unread })
  })
})
