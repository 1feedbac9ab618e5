import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readS3Environment } from './s3-environment.ts'

it('the environment of an S3 store is read by the names that its tools share, the nearer one first', () => {
  const nothing = { endpoint: undefined, region: undefined, accessKeyId: undefined }
  assert.deepEqual(readS3Environment({ AWS_REGION: '' }), {
    ...nothing,
    secretAccessKey: undefined,
    sessionToken: undefined,
  })
  const environment = {
    AWS_ENDPOINT_URL: 'http://a',
    AWS_ENDPOINT_URL_S3: 'http://b',
    AWS_DEFAULT_REGION: 'c',
    AWS_ACCESS_KEY_ID: 'd',
    AWS_SECRET_ACCESS_KEY: 'e',
    AWS_SESSION_TOKEN: 'f',
  }
  const found = { endpoint: 'http://b', region: 'c', accessKeyId: 'd', secretAccessKey: 'e', sessionToken: 'f' }
  assert.deepEqual(readS3Environment(environment), found)
  assert.equal(readS3Environment({ ...environment, AWS_REGION: 'g' }).region, 'g')
})
