import { SetMetadata } from '@nestjs/common';

export const PERMISSION = 'scc.permission';

/** What a caller must be allowed to call the route, `resource:verb`. A route without it is denied to everybody. */
export const RequirePermission = (permission: string): MethodDecorator => SetMetadata(PERMISSION, permission);
