export { type CameraGatewayOptions, cameraGatewayOptionsSchema } from './config.ts'
export {
  type CameraGateway,
  type CameraGatewaySetup,
  createCameraGateway,
  type IntakeSnapshot,
} from './create-camera-gateway.ts'
