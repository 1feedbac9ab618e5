import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { createProgress } from './progress-bar.ts'

function collect(isTTY: boolean) {
  const written: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      written.push(String(chunk))
      done()
    },
  })
  return { written, stream: Object.assign(stream, { isTTY, columns: 80 }) }
}

describe('createProgress', () => {
  it('redraws one line on a terminal and takes it away at the end', () => {
    const { stream, written } = collect(true)
    let time = 0
    const progress = createProgress({ stream, label: 'Training', total: 10, unit: 'epochs', now: () => time })
    progress.update(0)
    time = 1000
    progress.update(1)
    progress.update(2)
    progress.end()
    progress.update(3)
    assert.equal(written.length, 3, 'a redraw within 100 ms is left out')
    assert.match(written[1]!, /Training ██░{22} 1 of 10 epochs, 9\.0 s left/)
    assert.equal(written[2], '\r\u001b[2K')
  })

  it('takes the time left from what this run has done, not from what was done before it', () => {
    const { stream, written } = collect(true)
    let time = 0
    const progress = createProgress({ stream, label: 'Training', total: 10, unit: 'epochs', now: () => time })
    progress.resume(6)
    time = 2000
    progress.update(7)
    assert.match(written[0]!, /7 of 10 epochs, 6\.0 s left/)
  })

  it('writes plain lines without escape codes now and then elsewhere', () => {
    const { stream, written } = collect(false)
    let time = 0
    const progress = createProgress({ stream, label: 'Inspecting', total: 4, unit: 'images', now: () => time })
    for (time = 0; time <= 21_000; time += 500) progress.update((4 * time) / 42_000, 'scan.png')
    progress.end()
    assert.deepEqual(written, [
      'Inspecting: 23 %, 0 of 4 images, 32.0 s left · scan.png\n',
      'Inspecting: 47 %, 1 of 4 images, 22.0 s left · scan.png\n',
    ])
  })

  it('writes nothing for short work in a log', () => {
    const { stream, written } = collect(false)
    const progress = createProgress({ stream, label: 'Inspecting', total: 1, unit: 'images', now: () => 0 })
    progress.update(1)
    progress.end()
    assert.deepEqual(written, [])
  })
})
