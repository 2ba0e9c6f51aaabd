import { SetMetadata } from '@nestjs/common';

export const SHARED = 'scc.shared';

/**
 * The answer of the route depends on its address and on the scope of its caller, and on nothing else of the request: it
 * is made once for all who ask the same together, such as pages that are told of a change at the same moment.
 */
export const SharedAnswer = (): MethodDecorator => SetMetadata(SHARED, true);
