import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'

/** Takes rooms until two are refused, then leaves one and takes one of another width; prints what happened. */
const program = `
  import { createKernelRooms } from ${JSON.stringify(new URL('./kernel-rooms.ts', import.meta.url).href)}
  const forgotten = []
  let streams = 0
  const rooms = createKernelRooms({ maxBytes: 2 ** 31, nextStream: () => streams++, forget: (stream) => forgotten.push(stream) })
  const refusals = []
  const taken = []
  while (refusals.length < 2 && taken.length < 1000) {
    try {
      taken.push(rooms.take(128))
    } catch ({ code, retryable, retryAfterMs, message }) {
      refusals.push({ code, retryable, retryAfterMs, message })
    }
  }
  const first = taken.shift()
  const left = first.stream
  first.leave()
  try {
    rooms.take(256)
  } catch {
    // Its memory may not have been given back yet.
  }
  console.log(JSON.stringify({ taken: taken.length, refusals, left, forgotten }))
`

describe('rooms of a worker', () => {
  it('are refused with a time to try again where there is no address space, and one that is free gives way', () => {
    const run = ['-c', 'ulimit -v 40000000 && exec "$0" --input-type=module -e "$1"', process.execPath, program]
    const { stdout, stderr, status } = spawnSync('sh', run, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const { taken, refusals, left, forgotten } = JSON.parse(stdout)
    assert.ok(taken >= 1 && taken < 20, `${taken} rooms were taken`)
    for (const { message, ...refusal } of refusals) {
      assert.deepEqual(refusal, { code: 'resource_exhausted', retryable: true, retryAfterMs: 1000 })
      assert.match(message, /no address space for one more run.*ulimit -v.*maxRuns/)
    }
    assert.deepEqual(forgotten, [left])
  })
})
