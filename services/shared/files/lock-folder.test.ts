import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lockFolder } from './lock-folder.ts'

test('folder is kept from other processes until it is given back, and taken over from one that was killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-lock-'))
  try {
    const other = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1000)'])
    await once(other, 'spawn')
    await writeFile(join(folder, 'lock'), `${other.pid}\n`)
    await assert.rejects(lockFolder(folder), {
      code: 'failed_precondition',
      message: new RegExp(`is in use by process ${other.pid}: wait for it`),
    })
    other.kill('SIGKILL')
    await once(other, 'exit')
    const unlock = await lockFolder(folder)
    assert.equal(await readFile(join(folder, 'lock'), 'utf8'), `${process.pid}\n`)
    await unlock()
    await (await lockFolder(folder))()
  } finally {
    await rm(folder, { recursive: true })
  }
})
