import { type DynamicModule, Module } from '@nestjs/common';
import type { NoteSigner } from '@scc/audit';
import { ApprovalsController } from './approvals/approvals.controller.js';
import { BreakGlassController } from './approvals/break-glass.controller.js';
import { PodsController } from './pods/pods.controller.js';
import { ExceptionsController } from './policies/exceptions.controller.js';
import { PoliciesController } from './policies/policies.controller.js';
import { RegistryController } from './registry/registry.controller.js';
import { RiskController } from './risk/risk.controller.js';
import { ScheduleController } from './schedule/schedule.controller.js';
import { EngineController } from './engine/engine.controller.js';
import { MigrationsController } from './history/migrations.controller.js';
import { ProofSigner } from './history/proof.js';

/** Policies, approvals, migrations, registry, pods and calendar over HTTP. Needs a DataSource from the root module. */
@Module({})
export class DomainModule {
  static register({ signer, origin }: { signer: NoteSigner; origin: string }): DynamicModule {
    return {
      module: DomainModule,
      controllers: [
        EngineController,
        MigrationsController,
        ApprovalsController,
        BreakGlassController,
        PoliciesController,
        ExceptionsController,
        ScheduleController,
        RegistryController,
        PodsController,
        RiskController,
      ],
      providers: [{ provide: ProofSigner, useValue: new ProofSigner(signer, origin) }],
    };
  }
}
