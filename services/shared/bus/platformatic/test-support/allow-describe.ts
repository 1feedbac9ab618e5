import { AclOperations, AclPermissionTypes, Admin, ResourcePatternTypes, ResourceTypes } from '@platformatic/kafka'
import type { ConnectionSettings } from '../../kafka/connection-settings.ts'
import { clientOptions } from '../client-options.ts'

/** Gives a user of a broker the right to describe a topic, and none to read it. */
export async function allowDescribe(settings: ConnectionSettings, user: string, topic: string): Promise<void> {
  const admin = new Admin(clientOptions(settings))
  try {
    await admin.createAcls({
      creations: [
        {
          resourceType: ResourceTypes.TOPIC,
          resourceName: topic,
          resourcePatternType: ResourcePatternTypes.LITERAL,
          principal: `User:${user}`,
          host: '*',
          operation: AclOperations.DESCRIBE,
          permissionType: AclPermissionTypes.ALLOW,
        },
      ],
    })
  } finally {
    await admin.close()
  }
}
