import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
