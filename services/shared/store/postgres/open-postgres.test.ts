import assert from 'node:assert/strict'
import { chownSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { after, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { allMigrations, migrationLock } from '../migrate.ts'
import { openDatabase } from '../open-database.ts'
import { makeCertificate } from '../test-support/make-certificate.ts'
import { usePostgres } from '../test-support/use-postgres.ts'
import { describeFailure } from './describe-failure.ts'
import { checkPostgres, migratePostgres } from './open-postgres.ts'
import { parseAddress } from './parse-address.ts'

const postgres = usePostgres()
const scratch = mkdtempSync(join(tmpdir(), 'pelletline-open-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const newest = allMigrations.length

describe('openDatabase on a server', () => {
  test('address of a host, of IPv6 and of a socket are told apart, all else is refused', () => {
    assert.deepEqual(parseAddress('db.plant:6000'), { host: 'db.plant', port: 6000 })
    assert.deepEqual(parseAddress('db'), { host: 'db', port: 5432 })
    assert.deepEqual(parseAddress('[::1]:5433'), { host: '::1', port: 5433 })
    assert.deepEqual(parseAddress('/run/postgresql'), { host: '/run/postgresql', port: 5432 })
    assert.deepEqual(parseAddress('/run/postgresql:5433'), { host: '/run/postgresql', port: 5433 })
    for (const wrong of ['', 'db:0', 'db:70000', 'a b:1', 'http://db:1']) {
      assert.throws(() => parseAddress(wrong), { code: 'invalid_argument', message: /valid is: HOST:PORT/ }, wrong)
    }
  })

  test('what waiting cannot cure is told once, with what is to be done', async () => {
    const config = await postgres.createDatabase()
    const refusals: readonly [object, RegExp][] = [
      [
        { passwordFile: writeScratch('wrong', 'nonsense\n') },
        /SQLSTATE 28P01.*check the user pelletline, passwordFile/,
      ],
      [{ passwordFile: join(scratch, 'none') }, /passwordFile .*none cannot be read/],
      [{ database: 'absent' }, /SQLSTATE 3D000.*create it: create database absent owner pelletline/],
      [{ user: 'nobody-known' }, /SQLSTATE 28.*check the user nobody-known/],
      [{ tls: {} }, /Check tls\.caFile and the server's certificate/],
    ]
    for (const [change, message] of refusals) {
      await assert.rejects(openDatabase({ ...config, ...change }), (error: PelletlineError) => {
        assert.deepEqual([error.code, error.retryable], ['failed_precondition', false], error.message)
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /tried again|can succeed/)
        return true
      })
    }
  })

  test('a server that does not answer is unavailable, and the error names it and promises no repeat', async () => {
    const config = { ...(await postgres.createDatabase()), address: '127.0.0.1:1' }
    for (const attempt of [openDatabase, checkPostgres, migratePostgres]) {
      await assert.rejects(attempt(config), {
        code: 'unavailable',
        retryable: true,
        message:
          /^The database test_\d+ at 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED 127\.0\.0\.1:1\. Check the address, and that the server runs\.$/,
      })
    }
  })

  test('a read-only database and missing rights are refused with the statement that mends them', async () => {
    const config = await postgres.createDatabase()
    await postgres.asAdmin(`alter database ${config.database} set default_transaction_read_only = on`)
    await assert.rejects(openDatabase(config), { code: 'failed_precondition', message: /takes no writes/ })
    await postgres.asAdmin(`alter database ${config.database} set default_transaction_read_only = off`)

    const password = 'operator-password'
    await postgres.asAdmin(`create role operator login password '${password}'`)
    const asOperator = { ...config, user: 'operator', passwordFile: writeScratch('operator', `${password}\n`) }
    await assert.rejects(openDatabase(asOperator), { code: 'failed_precondition', message: /operator/ })
    await postgres.asAdmin('grant select on all tables in schema public to operator', config.database)
    await assert.rejects(openDatabase(asOperator), {
      code: 'failed_precondition',
      message: /lacks rights on .* more tables of database .*grant select, insert, update, delete on all tables/,
    })
    await postgres.asAdmin('grant insert, update, delete on all tables in schema public to operator', config.database)
    const store = await openDatabase(asOperator)
    await store.db.insertInto('models').values({ manifest_id: 'm', sha256: '' }).execute()
    await store.close()
  })

  test('a read-only state that comes while a service works and ends again is over for every connection, some seconds old', {
    timeout: 60_000,
  }, async () => {
    const config = await postgres.createDatabase()
    const store = await openDatabase({ ...config, connections: 1 })
    const addModel = (manifest_id: string) =>
      store.db.insertInto('models').values({ manifest_id, sha256: '' }).execute()
    const cutConnections = () =>
      postgres.asAdmin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${config.database}'`)
    try {
      await addModel('before')
      await postgres.asAdmin(`alter database ${config.database} set default_transaction_read_only = on`)
      await cutConnections()
      while (!(await addModel('during').catch((reason) => /SQLSTATE 25006.*docs\/database\.md/.test(reason.message))));
      await postgres.asAdmin(`alter database ${config.database} reset default_transaction_read_only`)
      // A connection for every attempt would be dear for the server.
      const pids = new Set<number>()
      const attempt = async () => {
        await store.db.connection().execute(async (connection) => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(connection)
          pids.add(rows[0]!.pid)
        })
        return addModel('after').then(
          () => true,
          () => false,
        )
      }
      while (!(await attempt())) await sleep(20)
      assert.ok(pids.size <= 2, `${pids.size} connections`)
      assert.deepEqual(
        (await store.db.selectFrom('models').select('manifest_id').orderBy('manifest_id').execute()).map(
          (row) => row.manifest_id,
        ),
        ['after', 'before'],
      )
    } finally {
      await store.close()
    }
  })

  test('a password file that goes while a service works is named, and the server is not blamed', async () => {
    const config = await postgres.createDatabase()
    const passwordFile = join(scratch, 'moved')
    copyFileSync(config.passwordFile!, passwordFile)
    const store = await openDatabase({ ...config, passwordFile, connections: 1 })
    const read = () => store.db.selectFrom('models').select('model_id').execute()
    try {
      rmSync(passwordFile)
      await postgres.asAdmin(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${config.database}'`,
      )
      let message = ''
      while (!message.includes('passwordFile'))
        message = await read().then(
          () => '',
          (reason) => reason.message,
        )
      assert.match(message, /^database\.passwordFile .*moved cannot be read .*; name a file that this user can read\.$/)
    } finally {
      await store.close()
    }
  })

  test('rights that go while a service works are tried again, and named', async () => {
    const config = await postgres.createDatabase()
    const store = await openDatabase(config)
    try {
      await postgres.asAdmin('alter table models rename to models_away', config.database)
      const read = () => store.db.selectFrom('models').select('model_id').execute()
      await assert.rejects(read(), { code: 'unavailable', message: /42P01.*pelletline database check/ })
      await postgres.asAdmin('alter table models_away rename to models', config.database)
      assert.deepEqual(await read(), [])
    } finally {
      await store.close()
    }
  })

  test('two programs that migrate at once take turns, and a repeat changes nothing', async () => {
    const config = await postgres.createDatabase({ empty: true })
    const both = await Promise.all([migratePostgres(config), openDatabase(config)])
    await both[1].close()
    assert.equal(both[0].after, newest)
    const again = await migratePostgres(config)
    assert.deepEqual([again.before, again.after], [newest, newest])
    assert.deepEqual((await checkPostgres(config)).schema, newest)
    const rows = await postgres.asAdmin('select count(*)::int as n from schema_versions', config.database)
    assert.deepEqual(rows, [{ n: newest }])
  })

  test('a migration that waits for a lock too long changes nothing, and names who holds it and what ends that', async () => {
    const config = await postgres.createDatabase({ empty: true })
    const holder = await openDatabase({ ...config, migrations: allMigrations.slice(0, 6) })
    const impatient = { ...config, lockTimeoutMs: 200 }
    try {
      await holder.db.transaction().execute(async (transaction) => {
        await transaction.selectFrom('runs').select('run_id').execute()
        const found = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(transaction)
        const pid = found.rows[0]?.pid
        const refusal = {
          code: 'unavailable',
          retryable: true,
          message: new RegExp(
            `waited 0\\.2 s.*nothing was changed.*pid ${pid} \\(pelletline, user pelletline, idle in transaction.*select pg_terminate_backend\\(${pid}\\);.*run \`pelletline database migrate\``,
          ),
        }
        await assert.rejects(migratePostgres(impatient), refusal)
        await assert.rejects(openDatabase(impatient), refusal)
        await sql`select pg_advisory_xact_lock(${sql.lit(migrationLock)})`.execute(transaction)
        await assert.rejects(migratePostgres(impatient), { message: new RegExp(`pid ${pid} \\(another migration`) })
      })
      const migrated = await migratePostgres(impatient)
      assert.deepEqual([migrated.before, migrated.after], [6, newest])
    } finally {
      await holder.close()
    }
  })

  test('an older schema that the service may not migrate is waited for, with the command that mends it; a newer one is refused', async () => {
    const config = await postgres.createDatabase({ empty: true })
    const old = { ...config, migrations: allMigrations.slice(0, 1) }
    await (await openDatabase(old)).close()
    const refusal = (code: string, retryable: boolean) => ({
      code,
      retryable,
      message: new RegExp(`has schema version 1; this program needs ${newest}\\. Run \`pelletline database migrate\``),
    })
    await assert.rejects(openDatabase({ ...config, migrate: false }), refusal('unavailable', true))
    await assert.rejects(checkPostgres(config), refusal('failed_precondition', false))
    await migratePostgres(config)
    const store = await openDatabase({ ...config, migrate: false })
    await store.close()
    const newer = { code: 'failed_precondition', message: /has schema version \d; this program knows up to 1/ }
    await assert.rejects(openDatabase(old), newer)
    await assert.rejects(migratePostgres(old), newer)
  })

  test('connections stay below the limit, and statements beyond it wait', async () => {
    const config = { ...(await postgres.createDatabase()), connections: 2 }
    const store = await openDatabase(config)
    try {
      const pids = await Promise.all(
        Array.from({ length: 12 }, async () => {
          const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid, pg_sleep(0.01)`.execute(store.db)
          return rows[0]?.pid
        }),
      )
      assert.ok(new Set(pids).size <= 2, `${pids}`)
    } finally {
      await store.close()
    }
    assert.equal(await postgres.countConnections(config.database), 0)
  })

  test('killed server: what was under way is unavailable, idle connections harm nobody, and the pool comes back', async () => {
    const config = await postgres.createDatabase()
    const warnings: string[] = []
    const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) }
    const store = await openDatabase({ ...config, logger })
    try {
      const lead = await store.tryLead('watch')
      assert.ok(lead?.held)
      const add = (id: number) =>
        store.db
          .insertInto('models')
          .values({ manifest_id: `${id}`, sha256: '' })
          .execute()
      await Promise.all([add(1), add(2), add(3)])
      const waiting = sql`select pg_sleep(60)`.execute(store.db)
      const inTransaction = store.db.transaction().execute(async (transaction) => {
        await transaction.insertInto('models').values({ manifest_id: 'lost', sha256: '' }).execute()
        await sql`select pg_sleep(60)`.execute(transaction)
      })
      const refused = Promise.all(
        [waiting, inTransaction].map((work) =>
          assert.rejects(work, { code: 'unavailable', retryable: true, message: new RegExp(config.address) }),
        ),
      )
      while ((await postgres.countConnections(config.database)) < 3)
        await new Promise((resolve) => setTimeout(resolve, 10))
      await postgres.server.kill()
      await refused
      await assert.rejects(add(4), {
        code: 'unavailable',
        message: /cannot be reached: [^.]*[^ ]*\. Check the address, and that the server runs\.$/,
      })
      assert.equal(await lead.confirm(), false)
      await postgres.server.start()
      await add(5)
      const rows = await store.db.selectFrom('models').select('manifest_id').orderBy('manifest_id').execute()
      assert.deepEqual(
        rows.map((row) => row.manifest_id),
        ['1', '2', '3', '5'],
      )
      const again = await store.tryLead('watch')
      assert.ok(again?.held)
      await again.release()
      assert.ok(warnings.every((text) => /connection to the database was lost/.test(text)))
    } finally {
      await store.close()
    }
  })

  test('a lead is held by one process, and goes to another when it is given back or its connection is cut', async () => {
    const config = await postgres.createDatabase()
    const [first, second] = [await openDatabase(config), await openDatabase(config)]
    try {
      const lead = await first.tryLead('watch')
      assert.ok(lead?.held)
      assert.equal(await second.tryLead('watch'), undefined)
      const other = await second.tryLead('retention')
      assert.ok(other?.held)
      await lead.release()
      const next = await untilDefined(() => second.tryLead('watch'))
      await postgres.asAdmin(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'`)
      await untilDefined(async () => ((await next.confirm()) ? undefined : true))
      const last = await untilDefined(() => first.tryLead('watch'))
      assert.ok(last.held)
    } finally {
      await first.close()
      await second.close()
    }
  })

  test('an encrypted connection is made to a server whose certificate is known, and to no other', async () => {
    const config = await postgres.createDatabase()
    const { passwordFile } = postgres.server
    const [known, unknown] = [makeCertificate(), makeCertificate()]
    const caFile = writeScratch('known.pem', known.certificate)
    const files = { ssl_cert_file: known.certificate, ssl_key_file: known.key }
    const { uid, gid } = statSync(passwordFile)
    for (const [name, text] of Object.entries(files)) {
      const path = join(dirname(passwordFile), name)
      writeFileSync(path, text, { mode: 0o600 })
      if (process.getuid?.() === 0) chownSync(path, uid, gid)
      await postgres.asAdmin(`alter system set ${name} = '${path}'`)
    }
    await postgres.asAdmin('alter system set ssl = on')
    await postgres.server.restart()
    try {
      const store = await openDatabase({ ...config, tls: { caFile } })
      const { rows } = await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(store.db)
      await store.close()
      assert.deepEqual(rows, [{ ssl: true }])
      for (const tls of [{}, { caFile: writeScratch('unknown.pem', unknown.certificate) }]) {
        await assert.rejects(openDatabase({ ...config, tls }), {
          code: 'failed_precondition',
          message: /Check tls\.caFile and the server's certificate/,
        })
      }
    } finally {
      await postgres.asAdmin('alter system reset ssl')
      await postgres.server.restart()
    }
  })

  test('a server whose commits may be lost is overruled', async () => {
    const config = await postgres.createDatabase()
    await postgres.asAdmin(`alter database ${config.database} set synchronous_commit = off`)
    const store = await openDatabase(config)
    try {
      const { rows } = await sql`show synchronous_commit`.execute(store.db)
      assert.deepEqual(rows, [{ synchronous_commit: 'on' }])
    } finally {
      await store.close()
    }
  })

  test('what a driver reports of deadlocks, shutdowns and full servers is unavailable, of a value an argument', async () => {
    const place = { address: 'db:5432', database: 'd', user: 'u' }
    const codeOf = (code: string) => describeFailure(Object.assign(new Error('text'), { code }), place).code
    for (const state of [
      '40001',
      '40P01',
      '25P03',
      '25P04',
      '57P01',
      '57P03',
      '53300',
      '54000',
      '08006',
      '55P03',
      '57014',
      '25006',
      '42501',
      '23503',
    ]) {
      assert.equal(codeOf(state), 'unavailable', state)
    }
    assert.deepEqual(['22021', '23505', 'XX000'].map(codeOf), ['invalid_argument', 'internal', 'internal'])
    assert.equal(describeFailure(new Error('Connection terminated unexpectedly'), place).code, 'unavailable')
    assert.ok(describeFailure(new PelletlineError('not_found', 'x'), place).code === 'not_found')
  })
})

function writeScratch(name: string, text: string): string {
  const path = join(scratch, name)
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

async function untilDefined<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const value = await attempt()
    if (value !== undefined) return value
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
