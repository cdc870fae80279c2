export { createNotificationController, type NotificationControllerDeps } from './controller.ts';
