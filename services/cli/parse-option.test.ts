import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parseInteger, parseName, parseNumber, parsePixelSize, parseRoi, parseSeconds } from './parse-option.ts'

describe('parsers of options', () => {
  it('parseRoi takes four whole numbers and refuses all else', () => {
    assert.deepEqual(parseRoi('290, 0,478,352'), { x: 290, y: 0, width: 478, height: 352 })
    for (const text of ['1,2,3', '1,2,3,4,5', '1,2,-3,4', '1.5,2,3,4', 'a,b,c,d', '']) {
      assert.throws(() => parseRoi(text), /Four whole numbers/, text)
    }
    assert.throws(() => parseRoi('0,0,0,5'), /at least 1 px/)
  })

  it('parsePixelSize takes one number for both directions or one for each', () => {
    assert.deepEqual(parsePixelSize('42.3'), { acrossUm: 42.3, alongUm: 42.3 })
    assert.deepEqual(parsePixelSize('42.3,40'), { acrossUm: 42.3, alongUm: 40 })
    for (const text of ['0', '-1', '1,2,3', 'x', '10,', '20000'])
      assert.throws(() => parsePixelSize(text), /Micrometres/, text)
  })

  it('parseSeconds reads units', () => {
    assert.deepEqual(['20', '1.5s', '500ms', '5m', '2min', '1h'].map(parseSeconds), [20, 1.5, 0.5, 300, 120, 3600])
    for (const text of ['0', '-3', '5 days', '', 's']) assert.throws(() => parseSeconds(text), /A time above 0/, text)
  })

  it('parseName takes what the messages take', () => {
    assert.equal(parseName('north-1'), 'north-1')
    for (const text of ['', 'a b', '-north', 'n'.repeat(64)])
      assert.throws(() => parseName(text), /1 to 63 letters/, text)
  })

  it('parseInteger and parseNumber name the range', () => {
    assert.equal(parseInteger({ min: 1 })('12'), 12)
    assert.throws(() => parseInteger({ min: 1, max: 16 })('17'), /from 1 to 16/)
    assert.throws(() => parseInteger()('1e3'), /A whole number/)
    assert.equal(parseNumber()('1e-3'), 0.001)
    assert.throws(() => parseNumber({ max: 1 })('2'), /at most 1/)
    assert.throws(() => parseNumber()(''), /A number/)
  })
})
