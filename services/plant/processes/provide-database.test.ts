import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseGivenDatabase } from './provide-database.ts'

describe('--postgres', () => {
  const parse = (address: string, passwordFile?: string) => {
    const config = parseGivenDatabase({ address, passwordFile })
    assert.ok(config.kind === 'postgres')
    return [config.address, config.user, config.database, config.passwordFile]
  }

  it('takes a URL, a host with its port, and the folder of a socket', () => {
    assert.deepEqual(parse('postgres://books@db.plant:6432/pellets', '/run/pw'), [
      'db.plant:6432',
      'books',
      'pellets',
      '/run/pw',
    ])
    assert.deepEqual(parse('postgresql://db.plant'), ['db.plant:5432', 'pelletline', 'pelletline', undefined])
    assert.deepEqual(parse('127.0.0.1:5432'), ['127.0.0.1:5432', 'pelletline', 'pelletline', undefined])
    assert.equal(parse('/run/postgresql')[0], '/run/postgresql')
  })

  it('refuses a password in the address, and what is no address', () => {
    assert.throws(() => parse('postgres://books:secret@db/pellets'), {
      code: 'invalid_argument',
      message: /--postgres-password-file/,
    })
    assert.throws(
      () => parse('postgres://books:secret@db/pellets'),
      (error: Error) => !error.message.includes('secret'),
    )
    assert.throws(() => parse('postgres:'), { code: 'invalid_argument' })
  })
})
