import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createLogger, silentLogger } from './logger.ts'

function createSink(isTTY = false) {
  const lines: string[] = []
  return { lines, isTTY, write: (line: string) => lines.push(line) }
}

describe('createLogger', () => {
  it('writes one JSON object per line with service, level, time, fields and message', () => {
    const stream = createSink()
    const logger = createLogger({ service: 'analytics', level: 'info', stream })
    logger.child({ line: 'line-1' }).warn({ strip: 42n, err: new Error('disk') }, 'strip came late')
    assert.equal(stream.lines.length, 1)
    const line = JSON.parse(stream.lines[0] ?? '')
    assert.match(line.time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    assert.equal(line.err.message, 'disk')
    const { time: _time, err: _err, ...rest } = line
    assert.deepEqual(rest, { level: 'warn', service: 'analytics', line: 'line-1', strip: 42, msg: 'strip came late' })
    assert.ok(stream.lines[0]?.endsWith('}\n'))
  })

  it('drops what is below its level', () => {
    const stream = createSink()
    const logger = createLogger({ service: 'x', level: 'warn', stream })
    logger.debug({}, 'a')
    logger.info({}, 'b')
    logger.error({}, 'c')
    assert.deepEqual(
      stream.lines.map((line) => JSON.parse(line).msg),
      ['c'],
    )
    createLogger({ service: 'x', level: 'silent', stream }).error({}, 'd')
    assert.equal(stream.lines.length, 1)
  })

  it('writes a readable line to a terminal', () => {
    const stream = createSink(true)
    createLogger({ service: 'analytics', level: 'info', stream }).info({ lot: 'lot-1' }, 'lot opened')
    assert.match(stream.lines[0] ?? '', /^\d\d:\d\d:\d\d\.\d{3} INFO {2}analytics {2}lot opened \{"lot":"lot-1"\}\n$/)
  })
})

describe('silentLogger', () => {
  it('is a logger whose children are silent as well', () => {
    assert.equal(silentLogger.child({}), silentLogger)
  })
})
