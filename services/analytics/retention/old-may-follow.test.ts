import assert from 'node:assert/strict'
import test from 'node:test'
import { oldMayFollow } from './old-may-follow.ts'

const times = { beforeNs: 100n, nowNs: 200n }
const booked = (...at: number[]) => at.map((ns) => ({ booked_unix_ns: BigInt(ns) }))

test('behind a full page of rows from between the age and now no old ones follow, behind every other full page they may', () => {
  const pages = [
    booked(100, 150, 200),
    booked(99, 150, 200),
    booked(150, 201, 200),
    booked(201, 300, 400),
    booked(1, 2, 3),
  ]
  assert.deepEqual(
    pages.map((page) => oldMayFollow(page, 3, times)),
    [false, true, true, true, true],
  )
})

test('behind a page that is not full nothing follows', () => {
  assert.equal(oldMayFollow(booked(1, 2), 3, times), false)
})
