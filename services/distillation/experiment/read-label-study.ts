import { judgeWithCache, openModelFile } from '../evaluation/soft-labels.ts'
import { combineTeachers } from '../report/build/combine-teachers.ts'
import { studyLabels } from '../report/build/study-labels.ts'
import type { LabelStudyCase } from '../report/experiment-report.ts'
import type { ExperimentConfig, studentNames } from './experiment-config.ts'
import { type ExperimentJob, labelCasesOf, labelSeedsOf, labelStudentId } from './plan-experiment.ts'
import { type JobContext, modelPathOf } from './run-training-job.ts'

/** What the models of each case of the study of labels answer to the test part: its students, and its teachers together. */
export async function readLabelStudy(
  config: ExperimentConfig,
  jobs: readonly ExperimentJob[],
  context: JobContext,
): Promise<LabelStudyCase[]> {
  const { labelStudy, seed: first, seeds } = config
  if (labelStudy === null) return []
  const judge = (id: string) => judgeTest(id, context)
  const all = labelSeedsOf(config)
  // The main models are the case in which all labels are there and right; they may have fewer seeds.
  const cases = [
    {
      ...{ labelShare: 1, noiseShare: 0, prefix: '', seeds: all.filter((seed) => seed < first + seeds) },
      idOf: (how: StudentName, seed: number) => `${how}-${seed}`,
    },
    ...labelCasesOf(labelStudy).map((one) => ({
      ...one,
      seeds: all,
      idOf: (how: StudentName, seed: number) => labelStudentId(config, one.prefix, how, seed),
    })),
  ]
  const studied: LabelStudyCase[] = []
  for (const { labelShare, noiseShare, prefix, seeds: own, idOf } of cases) {
    const taught = jobs.filter((job) => isTeacher(job, prefix))
    const teachers: Float32Array[] = []
    for (const { id } of taught) teachers.push(await judge(id))
    const students = []
    for (const seed of own) {
      const plain = combineTeachers([await judge(idOf('plain', seed))])
      const distilled = combineTeachers([await judge(idOf('distilled', seed))])
      students.push({ seed, plain, distilled })
    }
    const judged = {
      ...{ labelShare, noiseShare, students },
      teachers: combineTeachers(teachers),
      teacherNames: taught.map(({ label }) => label),
    }
    studied.push(studyLabels(judged, context.splits.test))
  }
  return studied
}

type StudentName = (typeof studentNames)[number]

/** Whether a job's model taught in the case of that prefix; none: with all labels. */
function isTeacher(job: ExperimentJob, prefix: string): boolean {
  if (job.kind === 'given') return prefix === ''
  if (job.kind === 'teach') return false
  return prefix === '' ? job.role === 'teacher' : job.id.startsWith(prefix) && job.network !== 'student'
}

async function judgeTest(id: string, { folder, splits, worker, signal }: JobContext): Promise<Float32Array> {
  const model = await openModelFile(modelPathOf(folder, id), signal)
  return judgeWithCache(worker, model, splits.test, { cacheDir: folder.logitsDir, signal })
}
