import { Controller, Get } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { RequirePermission } from '../call/require-permission.js';
import { readModelDifferences } from './differences.js';

/** What is read of migrations, beside the log that it has to follow from. */
@Controller('v1/read-model')
export class DifferencesController {
  constructor(private readonly source: DataSource) {}

  /** Events that are not what their audit entries say, and views that do not follow from the events. Changes nothing. */
  @Get('differences')
  @RequirePermission('audit:read')
  differences(): ReturnType<typeof readModelDifferences> {
    return readModelDifferences(this.source);
  }
}
