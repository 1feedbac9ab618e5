import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { after, before, describe, test } from 'node:test'
import pg from 'pg'
import type { PelletlineError } from '../../errors/pelletline-error.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { findClosedDirectory } from './server-user.ts'
import { type PostgresServer, startPostgres } from './start-postgres.ts'

const scratch = mkdtempSync(join(tmpdir(), 'pelletline-server-'))
// The server's user passes through it.
chmodSync(scratch, 0o755)
after(() => rmSync(scratch, { recursive: true, force: true }))

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function query(server: PostgresServer, text: string, password?: string) {
  const [host, port] = server.address.split(':')
  const client = new pg.Client({
    host: host ?? '',
    port: Number(port),
    user: server.user,
    database: server.database,
    password: password ?? readFileSync(server.passwordFile, 'utf8').trim(),
  })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

describe('startPostgres', () => {
  let server: PostgresServer
  const endings: PelletlineError[] = []
  before(async () => {
    server = await startPostgres({ logger: silentLogger, durable: false, onEnded: (reason) => endings.push(reason) })
  })
  after(() => server.stop())

  test('answers on the loopback interface to the password only, as a user without rights of an administrator', async () => {
    assert.match(server.address, /^127\.0\.0\.1:\d+$/)
    const rows = await query(
      server,
      `select rolsuper or rolcreaterole or rolcreatedb as mighty from pg_roles
      where rolname = current_user`,
    )
    assert.deepEqual(rows, [{ mighty: false }])
    assert.equal(statSync(server.passwordFile).mode & 0o077, 0)
    await assert.rejects(query(server, 'select 1', 'wrong'), { code: '28P01' })
  })

  test('keeps what was committed over a kill and a restart, at the same address', async () => {
    const { address } = server
    await query(server, 'create table kept (n int)')
    await query(server, 'insert into kept values (1)')
    const pid = server.pid ?? 0
    await server.kill()
    assert.equal(server.pid, undefined)
    assert.equal(isRunning(pid), false)
    await assert.rejects(query(server, 'select 1'), { code: 'ECONNREFUSED' })
    await server.start()
    await server.restart()
    assert.equal(server.address, address)
    assert.deepEqual(await query(server, 'select n from kept'), [{ n: 1 }])
    assert.deepEqual(endings, [])
  })

  test('an end that nobody asked for is told, and the server starts anew', async () => {
    process.kill(server.pid ?? 0, 'SIGKILL')
    while (endings.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    assert.equal(endings[0]?.code, 'unavailable')
    assert.ok(endings[0]?.message.includes(server.address))
    await server.start()
    assert.deepEqual(await query(server, 'select 1 as one'), [{ one: 1 }])
  })

  test('goes with the process that started it, however that dies; the directory opens again', async () => {
    const directory = join(scratch, 'kept')
    const child: ChildProcess = fork(new URL('../test-support/start-postgres-and-wait.ts', import.meta.url), [
      directory,
    ])
    const [pid] = await once(child, 'message')
    assert.ok(isRunning(pid))
    await assert.rejects(startPostgres({ directory, logger: silentLogger }), {
      code: 'failed_precondition',
      message: new RegExp(`in use by process ${child.pid}`),
    })
    child.kill('SIGKILL')
    // A zombie of another parent counts as running, so the file that the server removes at its end is looked for.
    while (existsSync(join(directory, 'data', 'postmaster.pid'))) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    const again = await startPostgres({ directory, logger: silentLogger, durable: false })
    try {
      assert.deepEqual(await query(again, 'select n from kept'), [{ n: 5 }])
    } finally {
      await again.stop()
    }
    assert.ok(existsSync(join(directory, 'data', 'PG_VERSION')))
  })

  test('a temporary directory is removed at the end', async () => {
    const directory = dirname(server.passwordFile)
    await server.stop()
    assert.equal(existsSync(directory), false)
  })

  test('a way that the unprivileged user cannot go is refused by the directory that closes it', async () => {
    const closed = join(scratch, 'closed')
    mkdirSync(join(closed, 'inside'), { recursive: true })
    const nobody = { uid: 65_534, gid: 65_534 }
    assert.equal(findClosedDirectory(join(closed, 'inside', 'db'), nobody), undefined)
    chmodSync(closed, 0o700)
    assert.equal(findClosedDirectory(join(closed, 'inside', 'db'), nobody), closed)
    if (process.getuid?.() !== 0) return
    await assert.rejects(startPostgres({ directory: join(closed, 'db'), logger: silentLogger }), {
      code: 'failed_precondition',
      message: new RegExp(`cannot pass through ${closed} `),
    })
  })
})
