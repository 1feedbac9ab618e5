import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { createChangeLog } from './log-changes.ts'

function openLog() {
  const lines: string[] = []
  const stream = {
    write(line: string) {
      const { level, msg } = JSON.parse(line)
      lines.push(`${level}: ${msg}`)
    },
  }
  const changes = createChangeLog(createLogger({ service: 'camera-gateway', level: 'info', stream }), 'a/b/c/d')
  return { lines, changes }
}

test('a state is said once per change: the reason where it is lost, and that it is found again', () => {
  const { lines, changes } = openLog()
  changes.state('light', FollowState.NOMINAL, '')
  changes.state('light', FollowState.FOLLOWING, '')
  for (const reason of ['fog', 'fog', 'glare']) changes.state('light', FollowState.LOST, reason)
  changes.state('size', FollowState.NOMINAL, '')
  changes.state('light', FollowState.HELD, '')
  assert.deepEqual(lines, [
    'info: the light is followed',
    'warn: the light is lost, verdicts are not to be trusted: fog',
    'warn: the light is found again',
  ])
})

test('dirt is said by its columns once, and that it is gone', () => {
  const { lines, changes } = openLog()
  changes.dirt([])
  const spans = [
    { from: 4, to: 5 },
    { from: 10, to: 14 },
  ]
  changes.dirt(spans)
  changes.dirt([...spans])
  changes.dirt([])
  assert.deepEqual(lines, [
    'warn: dirt or dead pixels in columns 4, 10 to 13: clean window and lens',
    'info: no column is dirty any more',
  ])
})
