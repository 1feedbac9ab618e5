import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createKeyPair } from '../../shared/onnx/signing/signing-keys.ts'
import { readKeyText } from './read-key-text.ts'
import { signModelFile, verifyModelFile, writeKeyPair } from './sign-models.ts'

describe('keys of the command line', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-keys-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('to trust are a file or the text itself; what is neither is named with its option', async () => {
    const { publicKey } = createKeyPair()
    const file = join(folder, 'a.pub')
    await writeFile(file, `${publicKey}\n`)
    assert.equal((await readKeyText(file)).trim(), publicKey)
    assert.equal(await readKeyText(publicKey), publicKey)
    await assert.rejects(verifyModelFile('unread.onnx', [folder]), {
      code: 'invalid_argument',
      message: new RegExp(`^--trust-key ${folder} cannot be read: EISDIR.* Give the file of a public key`),
    })
    await assert.rejects(readKeyText(join(folder, 'typo.pub')), {
      code: 'not_found',
      message: /^--trust-key .*typo\.pub is neither a file nor the text of a public key/,
    })
  })

  it('to sign with are told apart: not there, and there but not to be read', async () => {
    await assert.rejects(signModelFile('unread.onnx', join(folder, 'typo.key')), {
      code: 'not_found',
      message: /^--key: there is no file .*typo\.key; make a key/,
    })
    await assert.rejects(signModelFile('unread.onnx', folder), {
      code: 'invalid_argument',
      message: new RegExp(`^--key ${folder} cannot be read: EISDIR`),
    })
  })

  it('are made as a pair or not at all, and a folder that is not there is named', async () => {
    await assert.rejects(writeKeyPair(join(folder, 'absent', 'plant')), {
      code: 'not_found',
      message: new RegExp(`there is no folder ${join(folder, 'absent')}; make it`),
    })
    await writeFile(join(folder, 'half.pub'), 'somebody else')
    await assert.rejects(writeKeyPair(join(folder, 'half')), { code: 'already_exists', message: /never overwritten/ })
    assert.ok(!(await readdir(folder)).includes('half.key'), 'a private key without its public one is left')
  })
})
