import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { lockDirectory } from '../store/lock-directory.ts'
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
    assert.equal(JSON.parse(await readFile(join(folder, 'lock'), 'utf8')).pid, process.pid)
    await assert.rejects(lockFolder(folder), { message: new RegExp(`is in use by process ${process.pid}`) })
    await unlock()
    await (await lockFolder(folder))()
    assert.deepEqual(await readdir(folder), [])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the lock of a container that was made anew is taken over in a folder, and kept for a database', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-lock-'))
  try {
    const holder = JSON.stringify({ pid: process.pid, host: 'another-host', began: 'some-boot/1' })
    await writeFile(join(folder, 'lock'), holder)
    await (await lockFolder(folder))()
    await writeFile(join(folder, 'pelletline.lock'), holder)
    assert.throws(() => lockDirectory(folder), {
      code: 'failed_precondition',
      message: /on host another-host\. If that/,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('the lock of a killed process is taken over by a later one of the same number', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-lock-'))
  try {
    for (const left of [`${process.pid}\n`, JSON.stringify({ pid: process.pid, host: hostname(), began: 'boot/1' })]) {
      await writeFile(join(folder, 'lock'), left)
      await (await lockFolder(folder))()
      await writeFile(join(folder, 'pelletline.lock'), left)
      lockDirectory(folder)()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})
