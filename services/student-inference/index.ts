export {
  type StudentInferenceOptions,
  type StudentInferenceOptionsInput,
  studentInferenceOptionsSchema,
} from './config.ts'
export {
  type CreateStudentInferenceOptions,
  createStudentInference,
  type StudentInference,
  type StudentSnapshot,
  studentGroup,
} from './create-student-inference.ts'
export { defaultShape } from './sessions/choose-sessions.ts'
