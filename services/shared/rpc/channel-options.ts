import type { ChannelOptions } from '@grpc/grpc-js'

/** Largest message of a server or client that says nothing else: gRPC's own default. */
export const defaultMaxMessageBytes = 4 * 1024 * 1024

/** For services that carry strips (8192 x 1024 px in 16 bit are 16 MiB) and encoded images (64 MiB), with room to spare. */
export const stripMaxMessageBytes = 128 * 1024 * 1024

/** Options that server and client share. */
export function channelOptions(maxMessageBytes: number): ChannelOptions {
  return {
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_send_message_length': maxMessageBytes,
    // A dead peer is noticed within a minute; a busy one has 20 s to answer, since its event loop may be at work.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // A peer that comes back is found within seconds; the default waits up to two minutes.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 2_000,
    // Services of one plant are never behind a web proxy, whatever the environment says.
    'grpc.enable_http_proxy': 0,
    // HTTP/2's default of 64 KiB per round trip caps a stream at 131 MB/s where a round trip takes 0.5 ms.
    'grpc-node.flow_control_window': 1024 * 1024,
  }
}
