import { aheadBatches, chooseRelease, efficiencyTolerance, patienceShare } from './choose-release.ts'
import { type CostCurve, createCostCurve } from './cost-curve.ts'
import { createFairQueue, type TakenCrops } from './fair-queue.ts'
import { createShortestPatience } from './shortest-patience.ts'
import type { Arrival, BatchingPolicy } from './simulate-batching.ts'

export interface PolicyOptions {
  readonly workers: number
  readonly maxBatch: number
}

/** The policy of this service, as the simulation plays it: the same queue, curve and decision as `createCropBatcher` uses. */
export function fairPolicy(options: PolicyOptions & { readonly curve: CostCurve }): BatchingPolicy {
  const { workers, maxBatch, curve } = options
  const queue = createFairQueue<Arrival>(aheadBatches * maxBatch)
  const patience = createShortestPatience()
  return {
    get queued() {
      return queue.size
    },
    push(arrival) {
      patience.note(arrival.arrivedMs, arrival.deadlineMs - arrival.arrivedMs)
      queue.push(arrival)
    },
    take: (count) => queue.take(count),
    ran: (crops, ms) => curve.observe(crops, ms),
    decide: ({ idle, inFlight, draining }) =>
      chooseRelease({
        queued: queue.size,
        idle,
        inFlight,
        slots: 2 * workers,
        maxBatch,
        efficientBatch: curve.efficientSize(efficiencyTolerance),
        patientBatch: curve.largestWithin(patienceShare * patience.read(), maxBatch),
        draining,
      }),
  }
}

/**
 * The usual batcher, as a reference: first in, first out; a batch is started when it is full or its oldest crops have waited
 * for the window, on a worker that is idle (Triton's dynamic batcher with max_queue_delay).
 */
export function fixedWindowPolicy({
  workers,
  maxBatch,
  windowMs,
}: PolicyOptions & { readonly windowMs: number }): BatchingPolicy {
  const jobs: { readonly arrival: Arrival; taken: number }[] = []
  let queued = 0
  return {
    get queued() {
      return queued
    },
    push(arrival) {
      jobs.push({ arrival, taken: 0 })
      queued += arrival.count
    },
    take(count) {
      const parts: TakenCrops<Arrival>[] = []
      let left = Math.min(count, queued)
      while (left > 0) {
        const { arrival, taken } = jobs[0]!
        const crops = Math.min(left, arrival.count - taken)
        parts.push({ job: arrival, from: taken, count: crops })
        jobs[0]!.taken += crops
        if (taken + crops === arrival.count) jobs.shift()
        left -= crops
        queued -= crops
      }
      return parts
    },
    decide({ nowMs, inFlight, draining }) {
      if (queued === 0 || inFlight >= workers) return { kind: 'wait' }
      if (queued >= maxBatch) return { kind: 'start', size: maxBatch, reason: 'full' }
      if (draining) return { kind: 'start', size: queued, reason: 'drain' }
      const untilMs = jobs[0]!.arrival.arrivedMs + windowMs
      return untilMs > nowMs ? { kind: 'wait', untilMs } : { kind: 'start', size: queued, reason: 'idle' }
    },
  }
}

/** A curve through a batch's fixed cost and its cost per crop, ms. */
export function straightCurve(fixedMs: number, perCropMs: number, sizes: readonly number[]): CostCurve {
  return createCostCurve(sizes.map((crops) => ({ crops, ms: fixedMs + perCropMs * crops })))
}
