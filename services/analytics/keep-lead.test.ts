import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLeadKeeper, type LeadKeeperOptions } from './keep-lead.ts'

/** A database whose one lead is free, held or somebody else's, with a clock that is set by hand. */
function setUp(onGained: LeadKeeperOptions['onGained'] = async () => undefined) {
  const state = { nowMs: 0, held: true, free: true, confirmed: 0 }
  const told: string[] = []
  const lead = {
    get held() {
      return state.held
    },
    async confirm() {
      state.confirmed += 1
      return state.held
    },
    release: async () => void told.push('released'),
  }
  const keeper = createLeadKeeper({
    database: { tryLead: async () => (state.free ? lead : undefined) },
    name: 'watch',
    nowMs: () => state.nowMs,
    async onGained() {
      told.push('gained')
      await onGained()
    },
    onLost: () => told.push('lost'),
  })
  return { keeper, state, told }
}

describe('the keeper of a lead', () => {
  test('tells once that the lead was lost, whether the connection went or another has it', async () => {
    for (const pauseMs of [10, 5_000]) {
      const { keeper, state, told } = setUp()
      assert.equal(await keeper.isLeading(), true)
      Object.assign(state, { held: false, free: false, nowMs: pauseMs })
      for (let look = 0; look < 3; look += 1) {
        assert.equal(await keeper.isLeading(), false)
        state.nowMs += 2_000
      }
      assert.deepEqual(told, ['gained', 'lost'])
      Object.assign(state, { held: true, free: true })
      assert.equal(await keeper.isLeading(), true)
      await keeper.release()
      await keeper.release()
      assert.deepEqual(told, ['gained', 'lost', 'gained', 'lost', 'released'])
    }
  })

  test('tells that the lead was lost where what was to be done with it failed', async () => {
    const { keeper, told } = setUp(async () => {
      throw new Error('the database is away')
    })
    await assert.rejects(keeper.isLeading(), /the database is away/)
    assert.deepEqual(told, ['gained', 'lost', 'released'])
    assert.equal(await keeper.stillLeads(), false)
  })

  test('says whether the lead is held still, from the database once a second, and takes none', async () => {
    const { keeper, state, told } = setUp()
    assert.equal(await keeper.stillLeads(), false)
    assert.deepEqual(told, [])
    await keeper.isLeading()
    assert.equal(await keeper.stillLeads(), true)
    assert.equal(state.confirmed, 0)
    state.nowMs = 1_000
    assert.equal(await keeper.stillLeads(), true)
    assert.equal(state.confirmed, 1)
    Object.assign(state, { held: false, free: false })
    assert.equal(await keeper.stillLeads(), false)
    assert.deepEqual(told, ['gained'], 'the look at what was booked tells it, between two rounds')
    assert.equal(await keeper.isLeading(), false)
    assert.deepEqual(told, ['gained', 'lost'])
  })
})
