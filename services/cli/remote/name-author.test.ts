import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { nameAuthor } from './name-author.ts'

/** As Node answers where the user has no entry in passwd. */
const failing = () => {
  throw Object.assign(
    new Error('A system error occurred: uv_os_get_passwd returned ENOENT (no such file or directory)'),
    {
      code: 'ERR_SYSTEM_ERROR',
    },
  )
}

describe('nameAuthor', () => {
  it('asks for --by where the computer has no name for the user, as in a container', () => {
    assert.throws(() => nameAuthor(undefined, failing), { code: 'invalid_argument', message: /--by NAME/ })
  })

  it('takes the given name without asking the computer, and else that of the user', () => {
    assert.equal(nameAuthor('A. Miller', failing), 'A. Miller')
    assert.equal(
      nameAuthor(undefined, () => 'miller'),
      'miller',
    )
  })
})
