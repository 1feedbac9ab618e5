import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createFolderStore } from './create-folder-store.ts'
import { describeModelStore } from './test-support/describe-model-store.ts'

describeModelStore('a folder', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-store-'))
  return {
    open: () => createFolderStore(folder),
    put: (name, bytes) => writeFile(join(folder, name), bytes),
    async clear() {
      for (const name of await readdir(folder)) await rm(join(folder, name))
    },
    close: () => rm(folder, { recursive: true }),
  }
})

test('a folder that is not there, and a file in its place, are no store that is away for a while', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-store-'))
  t.after(() => rm(folder, { recursive: true }))
  const missing = { code: 'not_found', retryable: false, message: /typo cannot be read .*name a folder of models/ }
  await assert.rejects(createFolderStore(join(folder, 'typo')).list(), missing)
  await writeFile(join(folder, 'file'), '')
  await assert.rejects(createFolderStore(join(folder, 'file')).list(), { code: 'failed_precondition' })
})
