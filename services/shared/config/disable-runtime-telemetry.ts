/**
 * Keeps ONNX Runtime from reporting to its maker: since 1.29 its official Linux builds send session facts (names and hashes of
 * models among them) over HTTPS unless this variable is set before the library is loaded. To be called on the main thread,
 * whose environment is the process's own, before the first thread that loads the library.
 */
export function disableRuntimeTelemetry(): void {
  process.env['ORT_DISABLE_TELEMETRY'] = '1'
}
