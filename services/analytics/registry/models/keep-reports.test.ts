import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { ReportModelsRequestSchema } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { openDatabase, type Store } from '../../../shared/store/index.ts'
import { createStudentReports, type StudentReports } from './keep-reports.ts'

let database: Store
before(async () => {
  database = await openDatabase({ kind: 'pglite' })
})
after(() => database.close())

const second = 1_000_000_000n

test('two analytics whose clocks differ know the same students, and neither forgets what the other was told', async () => {
  let timeNs = 10n ** 18n
  const createOn = (aheadNs: bigint) =>
    createStudentReports({ db: database.db, nowNs: () => timeNs + aheadNs, readTime: async () => timeNs })
  const [here, ahead] = [createOn(0n), createOn(3_600n * second)]
  const keep = (reports: StudentReports, instance: string, generation: bigint, leaving = false) =>
    reports.keep(create(ReportModelsRequestSchema, { instance, generation, leaving }), () => undefined)
  const known = async () => {
    const answers = [await here.read(), await ahead.read(), here.latest(), ahead.latest()]
    return answers.map((students) => students.map(({ instance, generation }) => `${instance} at ${generation}`))
  }
  const fourTimes = (...students: string[]) => Array.from({ length: 4 }, () => students)

  await keep(here, 'student-1', 1n)
  await keep(ahead, 'student-2', 1n)
  assert.deepEqual(await known(), fourTimes('student-1 at 1', 'student-2 at 1'))
  timeNs += 15n * second
  await keep(ahead, 'student-1', 2n)
  timeNs += second
  await keep(here, 'student-1', 3n)
  assert.deepEqual(await known(), fourTimes('student-1 at 3', 'student-2 at 1'))
  timeNs += 5n * second
  assert.deepEqual(await known(), fourTimes('student-1 at 3'))
  await keep(here, 'student-1', 3n, true)
  assert.deepEqual(await here.read(), [])
})
