export { createSegmenter, type SegmenterOptions } from './create-segmenter.ts'
export {
  notJudgedReason,
  type PelletColumns,
  type PelletOutline,
  type SegmentationSettings,
  type Segmenter,
  type StripPellets,
  type StripRows,
} from './types.ts'
