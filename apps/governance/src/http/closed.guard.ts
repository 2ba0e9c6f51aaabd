import { type CanActivate, Injectable, ServiceUnavailableException } from '@nestjs/common';

/** Lets nobody in: without a way to tell who calls, there is no answer. */
@Injectable()
export class ClosedGuard implements CanActivate {
  canActivate(): boolean {
    throw new ServiceUnavailableException('callers can not be told apart');
  }
}
