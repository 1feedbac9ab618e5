export {
  appendRecording,
  createRecording,
  type RecordingWriter,
  type RecordingWriterOptions,
} from './create-recording.ts'
export { openRecording, type RecordingReader } from './open-recording.ts'
export type { RecordedStrip, RecordingHeader, StripCoding, StripInfo } from './recording-format.ts'
export { type ReplayOptions, replayRecording } from './replay-recording.ts'
export { writing } from './write-whole.ts'
