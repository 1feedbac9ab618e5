import { Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'

/**
 * Whether the verdicts of student and teachers on a pellet, numbers of `Verdict`, disagree. A screened pellet, which has no
 * verdict of the student, was passed as good: it disagrees at NG alone.
 */
export function verdictsDisagree(student: number, teachers: number): boolean {
  return (student === Verdict.UNSPECIFIED ? Verdict.OK : student) !== teachers
}
