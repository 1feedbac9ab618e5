import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLastWords } from './last-words.ts'

describe('the last words of a program', () => {
  it('are the messages of its errors, and not the frames of their stack traces', () => {
    const words = createLastWords()
    words.add('02:25:09.100 ERROR LogDirFailureChannel Error while appending records to crops-3 in dir /data')
    words.add('java.io.IOException: No space left on device')
    for (let frame = 0; frame < 40; frame++) words.add(`\tat kafka.log.UnifiedLog.append(UnifiedLog.scala:${frame})`)
    words.add('Caused by: java.nio.file.FileSystemException: /data: No space left on device')
    words.add('\t... 12 more')
    words.add('')
    assert.deepEqual(words.text.split('\n'), [
      '02:25:09.100 ERROR LogDirFailureChannel Error while appending records to crops-3 in dir /data',
      'java.io.IOException: No space left on device',
      'Caused by: java.nio.file.FileSystemException: /data: No space left on device',
    ])
  })

  it('are bounded in lines and in what each of them holds', () => {
    const words = createLastWords()
    for (let line = 0; line < 100; line++) words.add(`${line} ${'x'.repeat(10_000)}`)
    const lines = words.text.split('\n')
    assert.equal(lines.length, 20)
    assert.ok(lines.every((line) => line.length === 500))
    assert.match(lines.at(-1)!, /^99 /)
  })
})
