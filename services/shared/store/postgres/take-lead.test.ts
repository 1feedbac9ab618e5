import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import type pg from 'pg'
import { takeLead } from './take-lead.ts'

/** A pool of one connection that answers as it is told, and how that was given back: `true` where it was closed. */
function setUp(answer: () => Promise<{ readonly rows: readonly object[] }>) {
  const released: boolean[] = []
  const client = Object.assign(new EventEmitter(), {
    query: answer,
    release: (close?: boolean) => void released.push(close === true),
  })
  return { pool: { connect: async () => client } as unknown as pg.Pool, client, released }
}

describe('the connection of a lead', () => {
  test('is closed where the answer was lost, since the lock may have been taken', async () => {
    const { pool, released } = setUp(async () => {
      throw new Error('Query read timeout')
    })
    await assert.rejects(takeLead(pool, 1), /Query read timeout/)
    assert.deepEqual(released, [true])
  })

  test('is given back whole where another one leads', async () => {
    const { pool, released } = setUp(async () => ({ rows: [{ taken: false }] }))
    assert.equal(await takeLead(pool, 1), undefined)
    assert.deepEqual(released, [false])
  })

  test('is kept while the lead is, and closed once, however it ends', async () => {
    const { pool, client, released } = setUp(async () => ({ rows: [{ taken: true }] }))
    const lead = await takeLead(pool, 1)
    assert.ok(lead?.held && (await lead.confirm()))
    assert.deepEqual(released, [])
    await lead.release()
    client.emit('end')
    assert.equal(lead.held, false)
    assert.equal(await lead.confirm(), false)
    assert.deepEqual(released, [true])
  })
})
