import { Controller, Get } from '@nestjs/common';
import { RequirePermission } from '../call/require-permission.js';
import { ReadModelWatch } from './read-model-watch.js';

/** Views of migrations, beside the log that they have to follow from. */
@Controller('v1/read-model')
export class DifferencesController {
  constructor(private readonly watch: ReadModelWatch) {}

  /**
   * Events that are not what their audit entries say, and views that do not follow from the events. The read model stays
   * as it is; what is found is an incident until somebody has answered for it.
   */
  @Get('differences')
  @RequirePermission('audit:read')
  differences(): ReturnType<ReadModelWatch['lookAtAll']> {
    return this.watch.lookAtAll();
  }
}
