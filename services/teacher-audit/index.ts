export { type TeacherAuditOptions, teacherAuditOptionsSchema } from './config.ts'
export {
  type CreateTeacherAuditOptions,
  createTeacherAudit,
  type TeacherAudit,
  type TeacherSnapshot,
  teacherGroup,
} from './create-teacher-audit.ts'
