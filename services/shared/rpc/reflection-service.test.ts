import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { status } from '@grpc/grpc-js'
import { withServer } from '../../../test/support/with-server.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { ServerReflection as ServerReflectionV1 } from '../../gen/third_party/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionV1Alpha } from '../../gen/third_party/grpc/reflection/v1alpha/reflection_pb.ts'
import { implement } from './implement.ts'

const segmentation = () => implement(SegmentationService, { segmentImage: async () => ({}), async *segmentStrips() {} })

describe('reflection', { timeout: 60_000 }, () => {
  for (const [version, service] of [
    ['v1', ServerReflectionV1],
    ['v1alpha', ServerReflectionV1Alpha],
  ] as const) {
    it(`${version} lists the services and gives a file with all that it imports`, async () => {
      await withServer([segmentation()], async ({ client }) => {
        const reflection = client(service as typeof ServerReflectionV1)
        const asked = async function* () {
          yield { messageRequest: { case: 'listServices' as const, value: '*' } }
          yield { messageRequest: { case: 'fileContainingSymbol' as const, value: SegmentationService.typeName } }
          yield { messageRequest: { case: 'fileByFilename' as const, value: 'buf/validate/validate.proto' } }
          yield { messageRequest: { case: 'fileContainingSymbol' as const, value: 'pelletline.Nothing' } }
          yield {
            messageRequest: { case: 'allExtensionNumbersOfType' as const, value: 'google.protobuf.FieldOptions' },
          }
        }
        const answers = []
        for await (const answer of reflection.serverReflectionInfo(asked())) answers.push(answer.messageResponse)
        const [list, symbol, file, unknown, extensions] = answers

        assert.ok(list?.case === 'listServicesResponse')
        assert.deepEqual(
          list.value.service.map(({ name }) => name),
          [
            'grpc.health.v1.Health',
            'grpc.reflection.v1.ServerReflection',
            'grpc.reflection.v1alpha.ServerReflection',
            SegmentationService.typeName,
          ],
        )
        for (const answer of [symbol, file]) {
          assert.ok(answer?.case === 'fileDescriptorResponse')
          const files = answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes))
          const names = new Set(files.map(({ name }) => name))
          for (const { dependency } of files)
            for (const name of dependency) assert.ok(names.has(name), `${name} is missing`)
        }
        assert.ok(symbol?.case === 'fileDescriptorResponse')
        const own = fromBinary(FileDescriptorProtoSchema, symbol.value.fileDescriptorProto[0] ?? new Uint8Array(0))
        assert.equal(own.name, 'pelletline/segmentation/v1/segmentation.proto')
        assert.ok(own.dependency.includes('buf/validate/validate.proto'))
        assert.ok(unknown?.case === 'errorResponse')
        assert.equal(unknown.value.errorCode, status.NOT_FOUND)
        assert.ok(extensions?.case === 'allExtensionNumbersResponse')
        assert.ok(extensions.value.extensionNumber.includes(1159), 'buf.validate.field is missing')
      })
    })
  }
})
