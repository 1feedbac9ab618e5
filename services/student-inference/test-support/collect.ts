import type { MessageShape } from '@bufbuild/protobuf'
import type { Bus } from '../../shared/bus/bus.ts'
import { consumeTopic } from '../../shared/bus/messages.ts'
import type { Topic } from '../../shared/bus/topics.ts'

/** Collects what a topic brings, and waits for a number of messages. */
export async function collect<Desc extends Topic['schema']>(bus: Bus, topic: Topic<Desc>) {
  const messages: MessageShape<Desc>[] = []
  let wake = () => {}
  await consumeTopic(bus, {
    topic,
    group: 'test',
    maxInFlight: 64,
    handle: async (message) => {
      messages.push(message)
      wake()
    },
  })
  return {
    messages,
    async until(count: number): Promise<MessageShape<Desc>[]> {
      while (messages.length < count) await new Promise<void>((resolve) => (wake = resolve))
      return messages
    },
  }
}
