import assert from 'node:assert/strict'
import test from 'node:test'
import { capTimeout } from './cap-timeout.ts'

test('capTimeout shortens what no timer takes, and nothing else', () => {
  for (const header of ['1n', '99999999m', '2147483S', '35791M', '596H', '0H', 'soon', '', '3000000']) {
    assert.equal(capTimeout(header), header)
  }
  for (const header of ['2147484S', '35792M', '597H', '99999999H', '4294968S'])
    assert.equal(capTimeout(header), '2147483S')
})
