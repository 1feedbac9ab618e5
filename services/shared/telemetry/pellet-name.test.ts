import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { deriveTraceId, formatPelletName, parsePelletName } from './pellet-name.ts'

const name = 'plant-1/line-1/camera-1/run-1/42/7'

describe('pellet names', () => {
  it('parse what was formatted, for every valid key', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/)
    const strip = fc.record({ plant: part, line: part, camera: part, run: part, strip: fc.bigInt(0n, 2n ** 64n - 1n) })
    fc.assert(
      fc.property(strip, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (key, index) => {
        const parsed = parsePelletName(formatPelletName({ strip: key, index }))
        const { $typeName: _name, ...parts } = parsed.strip ?? assert.fail('no strip')
        assert.deepEqual({ parts, index: parsed.index }, { parts: { ...key }, index })
      }),
    )
  })

  it('refuse what names no pellet, with the part that is wrong', () => {
    const cases: [string, RegExp][] = [
      ['', /has 1 parts/],
      ['a/b/c/d/1', /has 5 parts/],
      ['a/b/c/d/1/2/3', /has 7 parts/],
      ['a//c/d/1/2', /the line ""/],
      ['a/b/c/.d/1/2', /the run "\.d"/],
      ['a/b/c/d/x/2', /the strip "x"/],
      ['a/b/c/d/-1/2', /the strip "-1"/],
      ['a/b/c/d/18446744073709551616/2', /the strip "18446744073709551616"/],
      ['a/b/c/d/1/4294967296', /the index "4294967296"/],
      ['a/b/c/d/1/02', /the index "02"/],
    ]
    for (const [text, message] of cases)
      assert.throws(() => parsePelletName(text), { code: 'invalid_argument', message })
    assert.throws(() => formatPelletName({ index: 0 }), { code: 'invalid_argument' })
  })
})

describe('deriveTraceId', () => {
  it('is the first 16 bytes of SHA-256 of the name', () => {
    const digest = createHash('sha256').update(name).digest().subarray(0, 16).toString('hex')
    assert.equal(deriveTraceId(parsePelletName(name)), digest)
    // Fixed for ever: traces are looked up by it long after they were written. sha256sum gives the same.
    assert.equal(deriveTraceId(parsePelletName(name)), '3c6cb2cd6c78d7b35c51e8195df1bc4a')
  })
})
