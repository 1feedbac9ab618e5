import { installGoTool } from './install-go-tool.ts'

const grpcurlVersion = 'v1.9.4'

/** Path of grpcurl, which calls a gRPC server by its reflection. */
export function installGrpcurl(): Promise<string> {
  return installGoTool({
    name: 'grpcurl',
    package: 'github.com/fullstorydev/grpcurl/cmd/grpcurl',
    version: grpcurlVersion,
    module: { path: 'github.com/fullstorydev/grpcurl', sum: 'h1:7bC3tlRwS7dPyfhBo0Xmigns8hWH/K4fg9NrafpY57k=' },
    takes: 'a few minutes',
    define: [`main.version=${grpcurlVersion}`],
  })
}
