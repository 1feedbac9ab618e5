import assert from 'node:assert/strict'
import test from 'node:test'
import type { StudentMeasurement } from './measure-student.ts'
import { summariseBare, summariseLoads, tabulateStudent } from './tabulate-student.ts'

const load = { name: 'many', callers: 2, crops: 4, requests: 10 }
const round = { ms: 20, serverUs: 8000, mainUs: 1000, runUs: 6000, runs: 5, callersUs: 400, waits: [1, 2, 3] }
const measured: StudentMeasurement = {
  loads: new Map([['many', [round]]]),
  bare: new Map([[32, [{ ms: 16, cpuUs: 6400, runUs: 6000 }]]]),
  shares: new Map([['many', new Map([['grpc-js', 0.25] as const])]]),
}

test('a load is summed up by crop, by request, and against bare runs, with the callers counted in and apart', () => {
  const [summary] = summariseLoads(measured, [load], 40, 2)
  const { cropsPerSecond, ofBare, ofBareLessCallers, ofBareByCpu, cpuUsPerCrop, callUs, cropsPerRun } = summary!
  assert.equal(cropsPerSecond.median, 2000)
  assert.equal(ofBare[32]!.median, 0.8)
  // 400 of the 40,000 us that two cores have in 20 ms.
  assert.ok(Math.abs(ofBareLessCallers[32]!.median - 0.8 / 0.99) < 1e-9)
  assert.equal(ofBareByCpu[32]!.median, 0.8)
  assert.deepEqual([cpuUsPerCrop.server.median, cpuUsPerCrop.run.median, cpuUsPerCrop.callers.median], [200, 150, 10])
  assert.deepEqual([callUs.server.median, callUs.main.median, cropsPerRun.median], [200, 100, 8])
  assert.deepEqual(summary!.parts, [{ part: 'grpc-js', share: 0.25, us: 25 }])
})

test('bare runs are summed up by crop, and every load has a row in the tables', () => {
  const bare = summariseBare(measured, 40)
  assert.deepEqual([bare[0]!.cropsPerSecond.median, bare[0]!.cpuUsPerCrop.process.median], [2500, 160])
  const tables = tabulateStudent(summariseLoads(measured, [load], 40, 2), bare)
  assert.deepEqual(
    tables.map(({ rows, columns }) => [rows.map(([name]) => name), rows[0]!.length === columns.length]),
    [
      [['many', 'bare runs of 32'], true],
      [['many', 'bare runs of 32'], true],
      [['grpc-js'], true],
    ],
  )
})
