import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { usePostgres } from '../../services/shared/store/test-support/use-postgres.ts'
import { runCliInside } from '../support/run-cli-inside.ts'

const postgres = usePostgres()
const folder = mkdtempSync(join(tmpdir(), 'pelletline-cli-database-'))
after(() => rmSync(folder, { recursive: true, force: true }))

describe('pelletline database', () => {
  it('refuses an empty database by the command that mends it, migrates it, and finds it ready', async () => {
    const { address, database, user, passwordFile } = await postgres.createDatabase({ empty: true })
    const file = join(folder, 'analytics.yaml')
    writeFileSync(file, JSON.stringify({ database: { kind: 'postgres', address, database, user, passwordFile } }))

    const before = await runCliInside('database', 'check', '--config', file)
    assert.equal(before.code, 1)
    assert.match(before.stderr, /has schema version 0; this program needs \d+\. Run `pelletline database migrate`/)

    const migrated = await runCliInside('--json', 'database', 'migrate', '--config', file)
    assert.equal(migrated.code, 0, migrated.stderr)
    const [change] = migrated.json() as { before: number; after: number; database: string }[]
    assert.equal(change?.before, 0)
    assert.ok(change.after > 0 && change.database === database)

    const again = await runCliInside('database', 'migrate', '--config', file)
    assert.match(again.stdout, new RegExp(`is at ${change.after} already`))
    const check = await runCliInside('--json', 'database', 'check', '--config', file)
    assert.deepEqual([check.code, (check.json()[0] as { schema: number }).schema], [0, change.after])
  })

  it('says that an embedded database needs neither', async () => {
    const file = join(folder, 'embedded.yaml')
    writeFileSync(file, 'database: { kind: pglite }\n')
    const run = await runCliInside('database', 'migrate', '--config', file)
    assert.equal(run.code, 2)
    assert.match(run.stderr, /names an embedded database.*Give database\.kind postgres/)
  })
})
