import assert from 'node:assert/strict'
import { readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { useFakeJava } from './test-support/fake-java.ts'

/** In the place of Java: it serves, prints an exception of 40 frames, and ends in the middle of a line. */
const program = `#!/bin/sh
echo "Kafka Server started"
echo "12:00:00.000 ERROR LogManager Shutdown broker because all log dirs have failed"
echo "java.io.IOException: No space left on device"
for frame in $(seq 40); do printf '\\tat kafka.log.UnifiedLog.append(UnifiedLog.scala:%s)\\n' $frame; done
printf 'half a line' >&2
`

describe('the process of a broker', { timeout: 60_000 }, () => {
  const java = useFakeJava(process.env, program)
  const start = (logFile?: string) => java.start({ logFile })

  it('leaves the message of its error as its last words, and everything in its log', async () => {
    const logFile = java.path('broker.log')
    await (await start(logFile)).exited
    const broker = await start(logFile)
    await broker.exited
    assert.deepEqual(broker.lastWords.split('\n').sort(), [
      '12:00:00.000 ERROR LogManager Shutdown broker because all log dirs have failed',
      'half a line',
      'java.io.IOException: No space left on device',
    ])
    const log = await readFile(logFile, 'utf8')
    assert.equal(log.match(/No space left on device/g)?.length, 2)
    assert.equal(log.match(/\tat kafka/g)?.length, 80)
    assert.equal(log.match(/half a line/g)?.length, 2)
  })

  it('begins a log anew where the one before is too large, and keeps that beside it', async () => {
    const logFile = java.path('large.log')
    await writeFile(logFile, '')
    await truncate(logFile, 33 * 1024 * 1024)
    await (await start(logFile)).exited
    assert.equal((await stat(`${logFile}.1`)).size, 33 * 1024 * 1024)
    assert.ok((await stat(logFile)).size < 10_000)
  })

  it('names the disk where it cannot start for lack of room', async () => {
    const fault = 'a fault occurred in a recent unsafe memory access operation in compiled Java code'
    await java.write(`#!/bin/sh\necho "java.lang.InternalError: ${fault}"\nexit 1\n`)
    await assert.rejects(start(java.path('full.log')), {
      code: 'unavailable',
      message:
        /ended before it served \(exit code 1\).*Java says so where a disk is full: make room for .*server\.properties$/,
    })
    await java.write(program)
  })

  it('runs without a log that cannot be opened or written', async () => {
    for (const logFile of [java.path('absent/broker.log'), '/dev/full']) {
      const broker = await start(logFile)
      await broker.exited
      assert.match(broker.lastWords, /No space left on device/)
    }
  })

  it('has no last words once it was killed: what it wrote before is not why', async () => {
    await java.write(
      '#!/bin/sh\necho "WARN QuorumController Performing controller activation"\necho "Kafka Server started"\nexec sleep 1000\n',
    )
    const broker = await start()
    assert.match(broker.lastWords, /controller activation/)
    broker.signal('SIGKILL')
    await broker.exited
    assert.equal(broker.lastWords, '')
    await java.write(program)
  })
})
