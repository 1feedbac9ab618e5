import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { SegmentImageRequestSchema } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { encodeGrayPng } from '../shared/images/encode-gray-png.ts'
import { answerSegmentImage } from './segment-image-call.ts'

async function refusal(value: Uint8Array, pelletDiameterPx?: number): Promise<PelletlineError> {
  const request = create(SegmentImageRequestSchema, {
    image: { case: 'encoded', value },
    ...(pelletDiameterPx === undefined ? {} : { pelletDiameterPx }),
  })
  return answerSegmentImage(request, { maxImagePixels: 1_000_000 }).then(
    () => assert.fail('the image was taken'),
    (reason) => reason,
  )
}

test('segment image blames the image for what is wrong with the image only', async () => {
  const unreadable = await refusal(new TextEncoder().encode('no image'))
  assert.equal(unreadable.violations[0]?.field, 'encoded')
  assert.match(unreadable.message, /^encoded: the image: /)
  const image = await encodeGrayPng(new Uint8Array(64 * 64), 64, 64)
  const setting = await refusal(image, 1)
  assert.match(setting.message, /^pelletDiameterPx is 1; valid are 2 to 10000 px/)
  assert.deepEqual(setting.violations, [])
})
