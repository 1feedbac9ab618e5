/** Transport security of the listener that clients use; the listeners between brokers stay on loopback in plain text. */
export interface BrokerSecurity {
  /** File with the broker's private key and certificate chain: PEM, or PKCS#12 where a password is given. */
  readonly keystoreFile?: string
  readonly keystorePassword?: string
  /** PEM file of the authorities that clients' certificates are checked against; clients must then show one. */
  readonly clientCaFile?: string
  /** Users that log in by SCRAM; without them nobody needs to. */
  readonly users?: readonly { readonly name: string; readonly password: string }[]
}

export interface NodeSettings {
  /** From 1 on. */
  readonly nodeId: number
  /** Where clients connect, on loopback. */
  readonly port: number
  readonly controllerPort: number
  /** Where brokers connect to each other, where clients must use TLS or log in. */
  readonly internalPort: number
  /** Controller ports of all nodes. */
  readonly controllerPorts: readonly number[]
  readonly dataDirectory: string
  readonly security?: BrokerSecurity
  /** Properties that go before those here, by Kafka's names. */
  readonly properties?: Readonly<Record<string, string>>
}

/** Whether clients use another listener than the brokers among themselves. */
export function isSecured(security: BrokerSecurity | undefined): boolean {
  return security?.keystoreFile !== undefined || (security?.users?.length ?? 0) > 0
}

function clientProtocol({ keystoreFile, users = [] }: BrokerSecurity): string {
  if (users.length === 0) return 'SSL'
  return keystoreFile === undefined ? 'SASL_PLAINTEXT' : 'SASL_SSL'
}

function securityProperties(security: BrokerSecurity): Record<string, string> {
  const { keystoreFile, keystorePassword, clientCaFile, users = [] } = security
  const properties: Record<string, string> = {}
  if (keystoreFile !== undefined) {
    properties['listener.name.client.ssl.keystore.type'] = keystorePassword === undefined ? 'PEM' : 'PKCS12'
    if (keystorePassword !== undefined) {
      properties['listener.name.client.ssl.keystore.password'] = keystorePassword
      properties['listener.name.client.ssl.key.password'] = keystorePassword
    }
    properties['listener.name.client.ssl.keystore.location'] = keystoreFile
  }
  if (clientCaFile !== undefined) {
    properties['listener.name.client.ssl.truststore.type'] = 'PEM'
    properties['listener.name.client.ssl.truststore.location'] = clientCaFile
    properties['listener.name.client.ssl.client.auth'] = 'required'
  }
  if (users.length > 0) {
    const login = 'org.apache.kafka.common.security.scram.ScramLoginModule required;'
    properties['sasl.enabled.mechanisms'] = 'SCRAM-SHA-512,SCRAM-SHA-256'
    properties['listener.name.client.scram-sha-512.sasl.jaas.config'] = login
    properties['listener.name.client.scram-sha-256.sasl.jaas.config'] = login
  }
  return properties
}

/**
 * Properties of one node that is broker and controller at once, on loopback: replication as the number of nodes allows,
 * quick to see that a node is gone and to let it come back, no topic made by accident.
 */
export function brokerProperties(settings: NodeSettings): Record<string, string> {
  const { nodeId, port, controllerPort, internalPort, controllerPorts, security } = settings
  const replicas = String(Math.min(3, controllerPorts.length))
  const minInSync = controllerPorts.length >= 3 ? '2' : '1'
  const secured = security !== undefined && isSecured(security)
  const listeners = [
    `CLIENT://127.0.0.1:${port}`,
    ...(secured ? [`INTERNAL://127.0.0.1:${internalPort}`] : []),
    `CONTROLLER://127.0.0.1:${controllerPort}`,
  ]
  const protocols = [
    `CLIENT:${secured ? clientProtocol(security) : 'PLAINTEXT'}`,
    'INTERNAL:PLAINTEXT',
    'CONTROLLER:PLAINTEXT',
  ]
  return {
    'process.roles': 'broker,controller',
    'node.id': String(nodeId),
    'controller.quorum.bootstrap.servers': controllerPorts.map((other) => `127.0.0.1:${other}`).join(','),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': secured ? 'INTERNAL' : 'CLIENT',
    listeners: listeners.join(','),
    'listener.security.protocol.map': protocols.join(','),
    'log.dirs': settings.dataDirectory,
    'default.replication.factor': replicas,
    'min.insync.replicas': minInSync,
    'offsets.topic.num.partitions': '1',
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.num.partitions': '1',
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': minInSync,
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    // Crops are kept for minutes: what has run out must also go within minutes.
    'log.retention.check.interval.ms': '30000',
    'log.segment.delete.delay.ms': '5000',
    'log.cleaner.dedupe.buffer.size': '16777216',
    'num.network.threads': '2',
    'num.io.threads': '4',
    // A killed broker is let in again once its old session has ended; a short one would also end under heavy load.
    'broker.session.timeout.ms': '6000',
    'broker.heartbeat.interval.ms': '500',
    ...(security === undefined ? {} : securityProperties(security)),
    ...settings.properties,
  }
}

/** The text of a Java properties file; keys and values here hold no characters that would need escaping but `\`. */
export function formatProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value.replaceAll('\\', '\\\\')}\n`)
    .join('')
}
