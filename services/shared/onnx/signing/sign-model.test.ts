import assert from 'node:assert/strict'
import test from 'node:test'
import { judgeTrust, type TrustPolicy } from './judge-trust.ts'
import { signModel } from './model-signature.ts'
import { createKeyPair, readSigningKey, readTrustedKey } from './signing-keys.ts'

const pair = createKeyPair()
const key = readTrustedKey(pair.publicKey, 'test')
const manifest = Buffer.from('{"threshold": 1}')
const sha256 = 'a'.repeat(64)
const signature = Buffer.from(signModel(manifest, sha256, readSigningKey(pair.privateKey, 'test')))
const policy: TrustPolicy = { keys: [key], released: new Set(), allowUnsigned: false }
const evidence = { source: 'm.onnx', manifest, sha256, signature }

test('a model that a trusted key has signed is trusted by that key', () => {
  assert.equal(judgeTrust(evidence, policy), `signed by ${pair.id}`)
  assert.equal(key.id, pair.id)
})

test('a signature does not pass for another threshold, other weights or other bytes, even where unsigned models are allowed', () => {
  const lenient = { ...policy, allowUnsigned: true }
  const changed = [
    { ...evidence, manifest: Buffer.from('{"threshold": 2}') },
    { ...evidence, sha256: 'b'.repeat(64) },
  ]
  for (const forged of changed)
    assert.throws(() => judgeTrust(forged, lenient), { code: 'data_loss', message: /m\.onnx/ })
  const cut = { ...evidence, signature: signature.subarray(0, 60) }
  assert.throws(() => judgeTrust(cut, lenient), { code: 'data_loss', message: /no signature/ })
})

test('a model without a signature, or with one of an unknown key, is refused by name unless unsigned ones are allowed', () => {
  const unsigned = { ...evidence, signature: undefined }
  assert.throws(() => judgeTrust(unsigned, policy), {
    code: 'failed_precondition',
    message: /m\.onnx is not signed; sign/,
  })
  const strangers = { ...policy, keys: [readTrustedKey(createKeyPair().publicKey, 'test')] }
  assert.throws(() => judgeTrust(evidence, strangers), { code: 'failed_precondition', message: /key .* not trusted/ })
  assert.equal(judgeTrust(unsigned, { ...policy, allowUnsigned: true }), 'unsigned')
})

test('keys are read as PEM and as a line of base64, and anything else is refused naming where it stands', () => {
  const pem = `-----BEGIN PUBLIC KEY-----\n${pair.publicKey}\n-----END PUBLIC KEY-----\n`
  assert.equal(readTrustedKey(pem, 'x').id, pair.id)
  assert.throws(() => readTrustedKey('abc', 'trustedKeys.0'), { code: 'invalid_argument', message: /trustedKeys\.0/ })
  assert.throws(() => readSigningKey(pair.publicKey, 'k.pub'), { code: 'invalid_argument', message: /k\.pub/ })
})
