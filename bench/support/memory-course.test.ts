import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeCourse } from './memory-course.ts'

const points = (mbOf: (minutes: number) => number) =>
  Array.from({ length: 60 }, (_, i) => ({ minutes: i / 2, mb: mbOf(i / 2) }))

test('describeCourse gives the slope of what grows, and leaves out the warm-up', () => {
  const course = describeCourse(
    points((minutes) => (minutes < 5 ? 40 * minutes : 200 + 3 * (minutes - 5))),
    5,
  )!
  assert.ok(Math.abs(course.slope - 3) < 1e-9)
  assert.equal(course.largestMb, 200 + 3 * 24.5)
  assert.ok(course.lastMb > course.firstMb + 50)
})

test('describeCourse tells a cache that fills from a leak by the slope of the second half', () => {
  const course = describeCourse(
    points((minutes) => Math.min(minutes, 15)),
    5,
  )!
  assert.ok(course.slope > 0.3)
  assert.ok(Math.abs(course.lateSlope) < 0.01, `${course.lateSlope}`)
})

test('describeCourse finds no slope in memory that a collector lets rise and fall', () => {
  const { slope } = describeCourse(
    points((minutes) => 200 + 20 * (minutes % 2)),
    5,
  )!
  assert.ok(Math.abs(slope) < 0.3, `${slope}`)
})

test('describeCourse says nothing of a run that has hardly begun', () => {
  assert.equal(describeCourse(points(() => 1).slice(0, 13), 5), undefined)
})
