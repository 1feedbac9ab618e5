import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { throwFailures } from './join-failures.ts'

describe('throwFailures', () => {
  it('names every service that was killed, with the code of the first', () => {
    const killed = (name: string) => new PelletlineError('deadline_exceeded', `${name} was killed.`)
    assert.throws(() => throwFailures([killed('analytics'), killed('teacher-audit')]), {
      code: 'deadline_exceeded',
      message: 'analytics was killed.\nteacher-audit was killed.',
    })
  })

  it('keeps the stack of what nobody foresaw', () => {
    const fault = new TypeError('x is undefined')
    const killed = new PelletlineError('deadline_exceeded', 'analytics was killed.')
    for (const failures of [
      [fault, killed],
      [killed, fault],
    ]) {
      assert.throws(
        () => throwFailures(failures),
        ({ message }: Error) => message.includes(fault.stack!) && message.includes(killed.message),
      )
    }
  })

  it('throws a single failure as it is, and nothing where there is none', () => {
    const fault = new TypeError('x is undefined')
    assert.throws(
      () => throwFailures([fault]),
      (thrown) => thrown === fault,
    )
    throwFailures([])
  })
})
