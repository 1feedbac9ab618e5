import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LogFields, silentLogger } from '../../telemetry/logger.ts'
import { startPostgresProcess } from './postgres-process.ts'

/** In the place of the server: a full disk, at which every statement fails with the same error about another file. */
const complains = `for i in $(seq 1000); do
  echo "ERROR:  could not extend file \\"base/16384/$i\\": No space left on device" >&2
  echo "HINT:  Check free disk space." >&2
done`

test('what the server complains of again and again is logged once in a while, with a count of what was left out', async () => {
  const warned: [LogFields, string][] = []
  const logger = { ...silentLogger, warn: (fields: LogFields, text: string) => void warned.push([fields, text]) }
  const parameters = ['-c', complains]
  const { ended } = await startPostgresProcess({ program: '/bin/sh', parameters, user: undefined, logger })
  assert.match(await ended, /No space left on device/)
  const leftOut = warned.reduce((sum, [fields]) => sum + Number(fields['leftOut'] ?? 0), 0)
  assert.equal(warned.length + leftOut, 1000)
  assert.ok(warned.length < 10, `${warned.length} lines`)
  assert.match(warned[0]![1], /16384\/1": No space left on device$/)
})
