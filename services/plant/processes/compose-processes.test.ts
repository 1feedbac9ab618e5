import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { defaultPlantOptions, type PlantOptions } from '../options.ts'
import { composeProcesses } from './compose-processes.ts'

const root = join(import.meta.dirname, '../../..')
const hooks = { report: (text: string) => assert.fail(text), onKill: () => assert.fail('something was started') }
const { signal } = new AbortController()

describe('a plant across processes', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-compose-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))
  const compose = (given: Partial<PlantOptions>) =>
    composeProcesses(
      { ...defaultPlantOptions(root), bus: 'kafka', dataDir: join(folder, 'data'), ...given },
      signal,
      hooks,
    )

  it('refuses a database or brokers that are none before it makes or starts anything', async () => {
    const postgres = { address: 'postgres://books:secret@db/pellets', passwordFile: undefined }
    await assert.rejects(compose({ database: 'postgres', postgres }), {
      code: 'invalid_argument',
      message: /--postgres-password-file/,
    })
    await assert.rejects(compose({ brokers: ['kafka'] }), {
      code: 'invalid_argument',
      message: /^--brokers has a problem; correct the options/,
    })
    assert.equal(existsSync(join(folder, 'data')), false)
  })

  it('refuses an address that is wanted twice before it starts anything, and gives its folder back', async () => {
    await assert.rejects(compose({ listen: '127.0.0.1:17443', cameras: ':17443' }), /wanted twice/)
    assert.equal(existsSync(join(folder, 'data', 'lock')), false)
    assert.equal(existsSync(join(folder, 'data', 'kafka')), false)
  })
})
