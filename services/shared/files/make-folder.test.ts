import assert from 'node:assert/strict'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeFolder } from './make-folder.ts'

describe('makeFolder', () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'pelletline-folder-'))
  })
  after(() => rm(root, { recursive: true }))

  it('makes the folders above, takes one that is there, and names one that cannot be', async () => {
    const deep = join(root, 'a/b/c')
    await makeFolder(deep)
    await makeFolder(deep)
    assert.ok((await stat(deep)).isDirectory())
    const file = join(root, 'file')
    await writeFile(file, '')
    const refused = (path: string) => ({ code: 'invalid_argument', message: new RegExp(`${path}.*name another`) })
    await assert.rejects(makeFolder(file), refused(file))
    await assert.rejects(makeFolder(join(file, 'x')), refused(file))
  })

  it('comes to an end where the parent cannot hold a folder', { skip: process.platform !== 'linux' }, () =>
    assert.rejects(makeFolder('/proc/pelletline/x'), { code: 'invalid_argument' }),
  )
})
